"""What a replication cites: the paper, the data, the networks and the tools, as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

DATA = {"C-NMC": "cnmc2019", "bone marrow": "matek2021", "MLL": "matek2021"}
"""Words by which a data set is known in a name → key of its entry."""

BACKBONES = {
    "vgg": "simonyan2015",
    "resnet": "he2016",
    "resnext": "xie2017",
    "inceptionv3": "szegedy2016",
    "xception": "chollet2017",
    "densenet": "huang2017",
    "mobilenet": "howard2017",
    "mobilenetv2": "sandler2018",
    "efficientnet": "tan2019",
    "efficientnetv2": "tan2021",
}
"""Beginning of a network's name → key of its entry; the longest beginning counts."""

ENTRIES = {
    "cnmc2019": r"""@misc{cnmc2019,
  author    = {Gupta, Anubha and Gupta, Ritu},
  title     = {{ALL} Challenge dataset of {ISBI} 2019 ({C-NMC} 2019)},
  publisher = {The Cancer Imaging Archive},
  year      = {2019},
  doi       = {10.7937/tcia.2019.dc64i46r}
}""",
    "matek2021": r"""@misc{matek2021,
  author    = {Matek, Christian and Krappe, Sebastian and M{\"u}nzenmayer, Christian and Haferlach, Torsten and Marr, Carsten},
  title     = {An Expert-Annotated Dataset of Bone Marrow Cytology in Hematologic Malignancies},
  publisher = {The Cancer Imaging Archive},
  year      = {2021},
  doi       = {10.7937/TCIA.AXH3-T579}
}""",
    "keras": r"""@misc{keras,
  author = {Chollet, Fran{\c{c}}ois and others},
  title  = {Keras},
  year   = {2015},
  note   = {https://keras.io}
}""",
    "tensorflow": r"""@inproceedings{tensorflow,
  author    = {Abadi, Mart{\'i}n and Barham, Paul and Chen, Jianmin and Chen, Zhifeng and Davis, Andy and others},
  title     = {{TensorFlow}: A System for Large-Scale Machine Learning},
  booktitle = {12th USENIX Symposium on Operating Systems Design and Implementation (OSDI 16)},
  pages     = {265--283},
  year      = {2016}
}""",
    "efron1993": r"""@book{efron1993,
  author    = {Efron, Bradley and Tibshirani, Robert J.},
  title     = {An Introduction to the Bootstrap},
  publisher = {Chapman \& Hall},
  year      = {1993}
}""",
    "deng2009": r"""@inproceedings{deng2009,
  author    = {Deng, Jia and Dong, Wei and Socher, Richard and Li, Li-Jia and Li, Kai and Fei-Fei, Li},
  title     = {{ImageNet}: A Large-Scale Hierarchical Image Database},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages     = {248--255},
  year      = {2009}
}""",
    "simonyan2015": r"""@inproceedings{simonyan2015,
  author    = {Simonyan, Karen and Zisserman, Andrew},
  title     = {Very Deep Convolutional Networks for Large-Scale Image Recognition},
  booktitle = {International Conference on Learning Representations},
  year      = {2015},
  note      = {arXiv:1409.1556}
}""",
    "he2016": r"""@inproceedings{he2016,
  author    = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  title     = {Deep Residual Learning for Image Recognition},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages     = {770--778},
  year      = {2016},
  note      = {arXiv:1512.03385}
}""",
    "xie2017": r"""@inproceedings{xie2017,
  author    = {Xie, Saining and Girshick, Ross and Doll{\'a}r, Piotr and Tu, Zhuowen and He, Kaiming},
  title     = {Aggregated Residual Transformations for Deep Neural Networks},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year      = {2017},
  note      = {arXiv:1611.05431}
}""",
    "szegedy2016": r"""@inproceedings{szegedy2016,
  author    = {Szegedy, Christian and Vanhoucke, Vincent and Ioffe, Sergey and Shlens, Jon and Wojna, Zbigniew},
  title     = {Rethinking the {Inception} Architecture for Computer Vision},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages     = {2818--2826},
  year      = {2016},
  note      = {arXiv:1512.00567}
}""",
    "chollet2017": r"""@inproceedings{chollet2017,
  author    = {Chollet, Fran{\c{c}}ois},
  title     = {{Xception}: Deep Learning with Depthwise Separable Convolutions},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages     = {1251--1258},
  year      = {2017},
  note      = {arXiv:1610.02357}
}""",
    "huang2017": r"""@inproceedings{huang2017,
  author    = {Huang, Gao and Liu, Zhuang and van der Maaten, Laurens and Weinberger, Kilian Q.},
  title     = {Densely Connected Convolutional Networks},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages     = {4700--4708},
  year      = {2017},
  note      = {arXiv:1608.06993}
}""",
    "howard2017": r"""@misc{howard2017,
  author = {Howard, Andrew G. and Zhu, Menglong and Chen, Bo and Kalenichenko, Dmitry and Wang, Weijun and Weyand, Tobias and
            Andreetto, Marco and Adam, Hartwig},
  title  = {{MobileNets}: Efficient Convolutional Neural Networks for Mobile Vision Applications},
  year   = {2017},
  note   = {arXiv:1704.04861}
}""",
    "sandler2018": r"""@inproceedings{sandler2018,
  author    = {Sandler, Mark and Howard, Andrew and Zhu, Menglong and Zhmoginov, Andrey and Chen, Liang-Chieh},
  title     = {{MobileNetV2}: Inverted Residuals and Linear Bottlenecks},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages     = {4510--4520},
  year      = {2018},
  note      = {arXiv:1801.04381}
}""",
    "tan2019": r"""@inproceedings{tan2019,
  author    = {Tan, Mingxing and Le, Quoc V.},
  title     = {{EfficientNet}: Rethinking Model Scaling for Convolutional Neural Networks},
  booktitle = {International Conference on Machine Learning},
  pages     = {6105--6114},
  year      = {2019},
  note      = {arXiv:1905.11946}
}""",
    "tan2021": r"""@inproceedings{tan2021,
  author    = {Tan, Mingxing and Le, Quoc V.},
  title     = {{EfficientNetV2}: Smaller Models and Faster Training},
  booktitle = {International Conference on Machine Learning},
  pages     = {10096--10106},
  year      = {2021},
  note      = {arXiv:2104.00298}
}""",
}


def paper_key(facts: Json) -> str:
    """Key of the paper's own entry, as its BibTeX spells it."""
    found = re.search(r"@\w+\{([^,\s]+),", facts["paper"]["bibtex"])
    return found.group(1) if found else str(facts["paper"]["key"])


def data_key(name: str) -> str | None:
    """Key of the data set that a name speaks of; None where it is none that is known (a demo, a folder of one's own)."""
    return next((key for words, key in DATA.items() if words.lower() in name.lower()), None)


def backbone_key(name: str) -> str | None:
    """Key of a network's entry by its name in keras-leuk."""
    known = [start for start in BACKBONES if name.startswith(start)]
    return BACKBONES[max(known, key=len)] if known else None


def cited(keys: Sequence[str | None]) -> str:
    """`` [@he2016; @deng2009]`` as Pandoc spells citations, each key once; '' where there is none."""
    known = list(dict.fromkeys(key for key in keys if key))
    return f" [{'; '.join(f'@{key}' for key in known)}]" if known else ""


CITATION = re.compile(r"\[(@[^\]\s]+(?:; @[^\]\s]+)*)\]")
"""A group of citations as `cited` writes it."""


def keys_in(text: str) -> list[str]:
    """The keys that a text cites, each once, in order."""
    groups = CITATION.findall(text)
    return list(dict.fromkeys(key.removeprefix("@") for group in groups for key in group.split("; ")))


def bibliography(facts: Json, text: str) -> str:
    """BibTeX of the paper and of everything a text cites, in the order of citation, ending in a newline."""
    own = paper_key(facts)
    known = [ENTRIES[key] for key in keys_in(text) if key != own]
    return "\n\n".join([facts["paper"]["bibtex"].strip(), *known]) + "\n"
