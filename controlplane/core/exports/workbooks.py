"""Workbooks (Office Open XML, ECMA-376) that are streamed while their rows are read.

The zip is written to a stream that cannot be rewound: so the size of each entry follows its data,
which all common zip readers support. The parts that name all sheets come last.
"""

import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import IO, Any

# What a sheet and a cell of a workbook can hold.
SHEET_ROWS = 1_048_576
CELL_LENGTH = 32_767
# Without ZIP64, which some readers complain about, an entry ends at 2 GiB.
_SHEET_BYTES = 1 << 30
_COMPRESSION_LEVEL = 1  # 6 takes twice the time for a tenth less

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

# Sheets have the default type, so that this part need not know how many there are.
_CONTENT_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
)
_ROOT = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
# Style 0 is plain, style 1 bold, style 2 a time. A reader expects both fills.
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" '
    'formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/>'
    '</font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill>'
    '<patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border>'
    '</borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf xfId="0"/>'
    '<xf fontId="1" xfId="0" applyFont="1"/><xf numFmtId="164" xfId="0" applyNumberFormat="1"/>'
    '</cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)

# Characters that XML forbids are written as _xHHHH_; what looks like that gets its _ escaped.
_FORBIDDEN = [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]
_ESCAPES = {code: f"_x{code:04X}_" for code in _FORBIDDEN}
_ESCAPES |= {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
# Times are days since this one. Before March 1900 readers differ by a day.
_DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
_FIRST_TIME = datetime(1900, 3, 1, tzinfo=UTC)
_TIME_WIDTH = 24  # of its column, in digits: a time that is wider than it would show as ####


def stream_workbook(
    headings: Sequence[str],
    chunks: Iterable[Iterable[Sequence[Any]]],
    *,
    times: Collection[int] = (),
) -> Iterator[bytes]:
    """A workbook of rows: numbers, booleans, times with their zone, which are written in UTC, None
    for an empty cell, all else as text. Texts are cut at CELL_LENGTH and are never formulas.
    `times` are the columns that hold times. A new sheet follows a full one."""
    sink = _Sink()
    book = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL)
    book.writestr("[Content_Types].xml", _CONTENT_TYPES)
    book.writestr("_rels/.rels", _ROOT)
    sheets = _Sheets(book, headings, times)
    try:
        yield sink.take()
        for chunk in chunks:
            sheets.write(chunk)
            if piece := sink.take():
                yield piece
        sheets.close()
        _write_contents(book, sheets.count)
        book.close()
    finally:
        sheets.close()
        book.fp = None  # closed, or abandoned: then it must not try to end itself when collected
    yield sink.take()


class _Sink:
    """The stream to which the zip is written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing below."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class _Sheets:
    """Writes rows, and begins a new sheet when one is full."""

    def __init__(
        self, book: zipfile.ZipFile, headings: Sequence[str], times: Collection[int]
    ) -> None:
        self._book = book
        self._headings = headings
        self._widths = _write_widths(times)
        self._letters = [_letters(index) for index in range(len(headings))]
        self.count = 0
        self._begin()

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            if self._rows >= SHEET_ROWS or self._bytes >= _SHEET_BYTES:
                self.close()
                self._begin()
            self._write_row(row)

    def close(self) -> None:
        if not self._part.closed:
            self._part.write(b"</sheetData></worksheet>")
            self._part.close()

    def _begin(self) -> None:
        self.count += 1
        self._rows = self._bytes = 0
        self._part: IO[bytes] = self._book.open(f"xl/worksheets/sheet{self.count}.xml", "w")
        self._part.write(f'{_XML}<worksheet xmlns="{_MAIN}">{self._widths}<sheetData>'.encode())
        self._write_row(self._headings, style=' s="1"')

    def _write_row(self, row: Sequence[Any], *, style: str = "") -> None:
        self._rows += 1
        number = self._rows
        cells = [
            _cell(f"{letters}{number}", value, style)
            for letters, value in zip(self._letters, row, strict=True)
            if value is not None
        ]
        data = f'<row r="{number}">{"".join(cells)}</row>'.encode()
        self._bytes += len(data)
        self._part.write(data)


def _cell(place: str, value: Any, style: str) -> str:
    if isinstance(value, bool):
        return f'<c r="{place}"{style} t="b"><v>{value:d}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"{style}><v>{value}</v></c>'
    if isinstance(value, datetime):
        if value >= _FIRST_TIME:
            days = (value - _DAY_ZERO) / timedelta(days=1)
            return f'<c r="{place}" s="2"><v>{days}</v></c>'
        value = value.isoformat()
    text = _fit(str(value))
    if "_x" in text:
        text = _LOOKS_ESCAPED.sub("_x005F_", text)
    text = text.translate(_ESCAPES)
    return f'<c r="{place}"{style} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _write_widths(times: Collection[int]) -> str:
    columns = "".join(
        f'<col min="{index + 1}" max="{index + 1}" width="{_TIME_WIDTH}" customWidth="1"/>'
        for index in sorted(times)
    )
    return f"<cols>{columns}</cols>" if columns else ""


def _fit(text: str) -> str:
    """The text limited to the length of a cell, in UTF-16 code units, with a note if it was cut
    off."""
    if len(text) <= CELL_LENGTH // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * CELL_LENGTH:
        return text
    note = f"… (cut off: {len(text):,} characters in all)"
    return units[: 2 * (CELL_LENGTH - len(note))].decode("utf-16-le", "ignore") + note


def _letters(index: int) -> str:
    """A, B … Z, AA …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _write_contents(book: zipfile.ZipFile, count: int) -> None:
    numbers = range(1, count + 1)
    sheets = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    styles = f'<Relationship Id="rId{count + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    book.writestr("xl/styles.xml", _STYLES)
    book.writestr(
        "xl/workbook.xml",
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
    )
    book.writestr(
        "xl/_rels/workbook.xml.rels",
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{relations}{styles}'
        "</Relationships>",
    )
