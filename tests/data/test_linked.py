from pathlib import Path

import pytest

from keras_leuk.data.groups import Knowledge, link_subjects
from keras_leuk.data.linked import cnmc_links, is_cnmc, known_links
from keras_leuk.data.official import official_cell
from keras_leuk.data.read import read


def test_the_shipped_links_are_of_official_cells():
    links = cnmc_links()
    assert len(links) == 16
    for link in links:
        for subject, file in ((link.first, link.first_image), (link.second, link.second_image)):
            cell = official_cell(file.removesuffix(".bmp"))
            assert cell is not None
            assert cell.subject == subject
            assert cell.file == file


def test_they_join_six_groups():
    subjects = sorted({name for link in cnmc_links() for name in (link.first, link.second)})
    names = link_subjects(subjects, subjects, subjects, Knowledge(cnmc_links())).names
    assert set(names) == {"1+15+16+17+20+21", "43+44", "51+55+75+78", "H2+H4+H5+H6+H7", "h3+H10", "H14+H24"}


def test_generated_cells_under_such_names_are_not_cnmc(tiny: Path):
    table = read(str(tiny))
    assert (table.reader, is_cnmc(table), known_links(table)) == ("cnmc", False, ())


@pytest.mark.real
def test_the_sample_is_cnmc(cnmc_sample: Path):
    assert known_links(read(str(cnmc_sample))) == cnmc_links()
