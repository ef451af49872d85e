import pytest
from trees import plant, records

from keras_leuk.data.read import read
from keras_leuk.errors import DataError


def listed(tmp_path, text, name="cells.csv"):
    plant(tmp_path, ["a.png", "b.png", "sub/c.png"])
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(tmp_path / name)


@pytest.mark.parametrize(("mark", "name"), [(",", "cells.csv"), (";", "cells.csv"), ("\t", "cells.tsv"), ("\t", "cells.CSV")])
def test_delimiters_and_byte_order_mark(tmp_path, mark, name):
    text = "\ufeffPath,Label,subject,fold,Split,age\na.png,NA,007,0,train,3\nsub/c.png,x,8,1,TEST,\nb.png,,,,,\n".replace(
        ",", mark
    )
    table = read(listed(tmp_path, text, name))
    assert (table.reader, table.name, table.classes) == ("table", "cells", ("NA", "x"))
    assert records(table.rows, "label", "subject", "fold", "part") == {
        "a.png": ("NA", "007", "0", "training"),
        "b.png": (None, None, None, None),
        "c.png": ("x", "8", "1", "test"),
    }
    assert table.notes == ("columns not used: age",)
    assert len(table.labelled) == 2
    assert table.has_subjects


def test_paths_outside_the_folder_and_of_windows(tmp_path):
    plant(tmp_path, ["images/a.png", "tables/"])
    text = f"path,label\n{tmp_path}/images/a.png,x\n..\\images\\b.png,y\n{tmp_path}/tables/c.png,y\n"
    plant(tmp_path, ["images/b.png", "tables/c.png"])
    (tmp_path / "tables" / "t.csv").write_text(text)
    table = read(str(tmp_path / "tables" / "t.csv"))
    assert set(table.rows["image"]) == {"../images/b.png", f"{tmp_path}/images/a.png", "c.png"}
    assert all((table.root / image).is_file() for image in table.rows["image"])


def test_some_subjects_and_uneven_classes_warn(tmp_path):
    table = read(listed(tmp_path, "path,label,subject,split\na.png,x,1,train\nb.png,y,,test\n"))
    assert "class 'x' has no image in test (but 1 in training)" in table.warnings
    assert table.warnings[-1].startswith("the subject is known for 1 of 2 labelled images only")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "cells.csv is empty"),
        ("\n \n", "cells.csv is empty"),
        ("path,label\n", "has a header, but lists no images"),
        ("file,class\na.png,x\n", "has no column path, label; found: file, class; needed: path, label"),
        ("path,label,label\na.png,x,y\n", "names column 'label' twice"),
        ("path,label\na.png,x\nb.png\n", "line 3: 1 values, but the header has 2 columns"),
        ("path,label\na.png,x,y\n", "line 2: 3 values, but the header has 2 columns"),
        ("path,label\n,x\n", "line 2: no path"),
        (
            "path,label\na.png,x\nno.png,y\nnever.png,y\n",
            r"line 3: image not found: no.png \(2 of 3 listed images are not there\)",
        ),
        ("path,label\na.png,x\nsub,y\n", "line 3: image not found: sub"),
        ("path,label\na.png,x\n./a.png,y\n", "line 3: image already listed in line 2: a.png"),
        ("path,label,split\na.png,x,trian\n", "line 2: unknown split 'trian'; did you mean 'train'"),
        ("path,label\na.png,x\nb.png,x\n", "only one class"),
        ("path,label\na.png,\n", "none has a label"),
        ('path,label\n"a.png,x\n', "not a table"),
        ("path,label\n".encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_refusals(tmp_path, text, line):
    with pytest.raises(DataError, match=line):
        read(listed(tmp_path, text))


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(DataError, match="reader 'table' reads a CSV or TSV file, not a folder"):
        read(str(tmp_path), reader="table")
