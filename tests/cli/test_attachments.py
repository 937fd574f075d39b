"""Files in a chat: attached, warned of, saved, and left out of an export unless asked for."""

from __future__ import annotations

from cli.conftest import People
from cli.person import Person, let_in
from cli.test_chat import talking


def test_a_file_goes_from_one_to_the_other(ann: Person, person: People) -> None:
    bo = person("Bo")
    let_in(ann, bo)
    note, report = ann.folder / "a note.txt", ann.folder / "report.pdf"
    note.write_text("planted words")
    report.write_bytes(b"%PDF-1.7 planted")
    hers, his = talking(ann), talking(bo)
    hers.type("/exposure anonymous")
    hers.type(f'/attach "{note}" Read this.')
    shown = his.record('"Read this."')
    assert shown["attachments"] == ["a note.txt"]
    hers.type(f"/attach {report}")
    assert "who wrote it" in hers.record('"attachment-warning"')["sentence"]
    hers.type(f"/attach yes {report}")
    second = his.record('"report.pdf"')
    assert second["text"] == ""
    his.type(f"/save {shown['number']} {bo.folder}")
    assert his.record('"type": "saved"')["path"] == str(bo.folder / "a note.txt")
    assert (bo.folder / "a note.txt").read_text() == "planted words"
    his.type(f"/save {shown['number']} {bo.folder}")
    his.line('"error": "file-exists"')
    for typed in (f"/save {shown['number']}.2", "/save 99", "/attach"):
        his.type(typed)
        his.line('"error": "usage"')
    hers.type(f"/attach {ann.folder / 'nowhere'}")
    hers.line('"error": "attachment-unreadable"')
    for one in (hers, his):
        one.type("/quit")
        assert one.ended() == 0
    out, folder = bo.folder / "out.txt", bo.folder / "files"
    bo.get("export", str(out))
    assert "[attached: a note.txt, 13 bytes]" in out.read_text()
    bo.get("export", str(bo.folder / "again.txt"), "--attachments", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["1.1 a note.txt", "2.1 report.pdf"]
    assert folder.stat().st_mode & 0o777 == 0o700
    taken = bo.do("export", str(bo.folder / "third.txt"), "--attachments", str(folder), "--json")
    assert (taken.code, taken.record["error"]) == (1, "file-exists")
    assert "planted" not in bo.do("chat").out


def test_what_is_attached_is_sent_before_the_program_ends(ann: Person) -> None:
    (ann.folder / "note.txt").write_text("words")
    assert ann.do("chat", given=f"/attach {ann.folder / 'note.txt'}\n").code == 0
    (line,) = [line for line in ann.do("chat").out.splitlines() if "note.txt" in line]
    assert "note.txt, 5 bytes: /save 1]" in line
