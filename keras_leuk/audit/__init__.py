"""What is wrong with a data set before a number is believed: duplicates, leaks, shortcuts, subjects, shift, labels."""
