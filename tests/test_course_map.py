"""The map in the start lesson: every lesson is on it, and what is written stands out."""

import re
import sys

from utils import course_map, syllabus

BOXES = re.findall(r"<span.*?</span>", course_map.map_html())


def test_every_lesson_has_a_box_and_what_is_written_a_link():
    assert len(BOXES) == len(syllabus.entries())
    for entry, box in zip(syllabus.entries(), BOXES, strict=True):
        assert re.search(rf"\b{entry.number} \w", box)
        assert (f'href="{entry.filename}"' in box) is entry.written


def test_what_is_written_stands_out_by_more_than_color():
    for entry, box in zip(syllabus.entries(), BOXES, strict=True):
        assert ("<b>" in box) is entry.written
        assert ("○" in box and "<i>" in box) is not entry.written


def test_a_box_names_the_lessons_to_do_before():
    (box,) = (b for b in BOXES if ">2 Sparse autoencoders" in b)
    assert "after&nbsp;1<" in box
    assert "after" not in BOXES[0]


def test_each_part_stands_once():
    text = course_map.map_html()
    for part in {e.part for e in syllabus.entries()}:
        assert text.count(f"<p><b>{part}</b>") == 1


def test_on_colab_links_lead_to_colab(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", None)
    assert 'href="https://colab.research.google.com/' in course_map.map_html()
