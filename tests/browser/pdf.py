"""A PDF made here, of two pages: text in a font that it does not hold, and a scan as copiers make it."""

LINES = 64
# ITU-T T.6 (fax group 4): each line equal to the one above (V0, one bit), then the end of the block twice.
SCAN = bytes([0xFF] * (LINES // 8)) + bytes.fromhex("001001")


def two_pages() -> bytes:
    text = b"BT /F1 72 Tf 72 400 Td (Firstbell) Tj ET"
    scan = b"q 612 0 0 792 0 0 cm /Im1 Do Q"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 6 0 R"
        b" /Resources << /XObject << /Im1 7 0 R >> >> >>",
        stream(b"", text),
        stream(b"", scan),
        stream(
            b"/Type /XObject /Subtype /Image /Width 64 /Height %d /ColorSpace /DeviceGray /BitsPerComponent 1"
            b" /Filter /CCITTFaxDecode /Decode [1 0] /DecodeParms << /K -1 /Columns 64 /Rows %d >>"
            % (LINES, LINES),
            SCAN,
        ),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (count, table, count, len(out))
    )


def stream(dictionary: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (dictionary, len(content), content)
