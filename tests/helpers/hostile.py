"""Pictures that nobody should upload, and some that only look odd: their bytes, and whether they can be read."""

import gzip
import io
import struct
import zipfile
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin


class Case(NamedTuple):
    """A file somebody gives."""

    content: bytes
    reads: bool
    """Whether it is a picture all the same."""


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, body: bytes = b"", depth: int = 8, kind: int = 0) -> bytes:
    """A PNG of this header, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    return start + (_chunk(b"IDAT", body) if body else b"") + _chunk(b"IEND", b"")


def _blank_png(width: int, height: int) -> bytes:
    """One bit a pixel, all of them white, so that little holds much."""
    row = b"\x00" + b"\xff" * -(-width // 8)
    packer = zlib.compressobj(9)
    body = b"".join([*(packer.compress(row * 100) for _ in range(-(-height // 100))), packer.flush()])
    return _png(width, height, body, depth=1)


def cases() -> dict[str, Case]:
    """All of them, by what they are."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    pixels[8:32, 20:40] = 10  # ink
    pixels[:4] = pixels[-4:] = pixels[:, :4] = pixels[:, -4:] = 250
    photo = Image.fromarray(pixels)
    grey = photo.convert("L")
    png, jpeg, webp = (_saved(photo, form) for form in ("PNG", "JPEG", "WEBP"))
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    frames = [Image.fromarray(np.roll(pixels, step, 1)) for step in range(3)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 100}
    turned = Image.Exif()
    turned[0x0112] = 6
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "x" * 80_000_000, zip=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("picture.png", png)
    broken_sum = bytearray(png)
    broken_sum[-20] ^= 255
    loop = bytearray(_saved(grey, "TIFF"))
    loop[-4:] = loop[4:8]  # its last directory names the first one as the next
    bmp = _saved(photo, "BMP")
    return {
        "nothing": Case(b"", False),
        "one byte": Case(b"\x00", False),
        "text": Case(b"I am a picture, believe me.", False),
        "a web page": Case(b"<html><body><img src=x onerror=alert(1)></body></html>", False),
        "SVG": Case(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', False),
        "SVG that names a file": Case(
            b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', False
        ),
        "a zip": Case(archive.getvalue(), False),
        "gzip": Case(gzip.compress(png), False),
        "PDF": Case(b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF", False),
        "PostScript": Case(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n%%EOF\n", False),
        "PSD": Case(_psd(), False),
        "a program": Case(b"\x7fELF" + bytes(200), False),
        "noise": Case(random.bytes(5000), False),
        "a PNG's first bytes": Case(png[:8], False),
        "a PNG cut in its header": Case(png[:20], False),
        "a PNG cut in its pixels": Case(png[: len(png) // 2], False),
        "a JPEG cut in its pixels": Case(jpeg[: len(jpeg) // 2], False),
        "a WebP cut in its pixels": Case(webp[: len(webp) // 2], False),
        "a BMP cut in its pixels": Case(bmp[: len(bmp) // 2], False),
        "a PNG with a wrong sum": Case(bytes(broken_sum), False),
        "a PNG without pixels": Case(_png(32, 32), False),
        "a PNG of no size": Case(_png(0, 0, zlib.compress(b"")), False),
        "a PNG of too few pixels": Case(_png(500, 500, zlib.compress(bytes(100))), False),
        "a PNG of 30,000 × 30,000": Case(_blank_png(30_000, 30_000), False),
        "a header of 60,000 × 60,000": Case(_png(60_000, 60_000, zlib.compress(bytes(1000))), False),
        "a header of 2³¹ pixels": Case(_png(2**31 - 1, 1, zlib.compress(bytes(1000))), False),
        "a BMP that claims to be huge": Case(bmp[:18] + struct.pack("<ii", 50_000, 50_000) + bmp[26:], False),
        "a note of 80 MB in a PNG": Case(_saved(photo, "PNG", pnginfo=notes), False),
        "a TIFF that names itself": Case(bytes(loop), True),
        "one pixel": Case(_saved(Image.new("RGB", (1, 1), "red"), "PNG"), True),
        "one row of 30,000": Case(_saved(Image.new("RGB", (30_000, 1), "red"), "PNG"), True),
        "one column of 30,000": Case(_saved(Image.new("RGB", (1, 30_000), "red"), "PNG"), True),
        "CMYK": Case(_saved(photo.convert("CMYK"), "JPEG"), True),
        "YCbCr": Case(_saved(photo.convert("YCbCr"), "TIFF"), True),
        "16 bits of grey": Case(_saved(deep, "PNG"), True),
        "16 bits of grey, TIFF": Case(_saved(deep, "TIFF"), True),
        "32 bits of grey": Case(_saved(grey.convert("I"), "TIFF"), True),
        "floating-point grey": Case(_saved(grey.convert("F"), "TIFF"), True),
        "one bit a pixel": Case(_saved(grey.convert("1"), "PNG"), True),
        "a palette": Case(_saved(photo.convert("P"), "PNG", transparency=0), True),
        "see-through": Case(_saved(photo.convert("RGBA"), "PNG"), True),
        "grey and see-through": Case(_saved(photo.convert("LA"), "PNG"), True),
        "a moving GIF": Case(_saved(frames[0], "GIF", **moving), True),
        "a moving WebP": Case(_saved(frames[0], "WEBP", **moving), True),
        "a moving PNG": Case(_saved(frames[0], "PNG", **moving), True),
        "several pages": Case(_saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]), True),
        "turned by its camera": Case(_saved(photo, "JPEG", exif=turned), True),
        "a camera's notes that are broken": Case(
            _saved(photo, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff"), True
        ),
        "a JPEG with more behind it": Case(jpeg + random.bytes(5000), True),
        "progressive": Case(_saved(photo, "JPEG", progressive=True), True),
    }


def _psd() -> bytes:
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 8, 8, 8, 3)
    return header + struct.pack(">III", 0, 0, 0) + struct.pack(">H", 0) + bytes(3 * 64)
