"""How a page looks, whatever fonts there are: pictures to compare, and how well text can be read.

For a comparison the page is given a font of its own, in which each letter is a block of one width. So
lines break at the same places on every machine, and what is left to differ is what the page decides:
places, sizes, colours. What a font may spoil is checked with the real ones, by `browser.py`.
"""

import base64
import io
import pathlib
import tempfile

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageChops

REFERENCES = pathlib.Path(__file__).parent / "references"
# A picture is kept at a quarter of its size: small, and blind to how edges are smoothed.
SCALE = 4
# How far a pixel of it may be off, of 255, and how many may be further.
TOLERANCE = 16
STRAY = 20


def _blocks():
    """The font, in the form in which a style sheet has it."""
    pen = TTGlyphPen(None)
    corners = [(50, 0), (50, 700), (500, 700), (500, 0)]
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()
    box, empty = pen.glyph(), TTGlyphPen(None).glyph()
    font = FontBuilder(unitsPerEm=1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "space", "box"])
    letters = dict.fromkeys([*range(0x21, 0x180), *range(0x2010, 0x2030)], "box")
    font.setupCharacterMap({**letters, 0x20: "space", 0xA0: "space"})
    font.setupGlyf({".notdef": box, "space": empty, "box": box})
    font.setupHorizontalMetrics({name: (550, 50) for name in (".notdef", "space", "box")})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Blocks", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    font.setupPost()
    file = io.BytesIO()
    font.save(file)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f"@font-face {{ font-family: Blocks; src: url(data:font/ttf;base64,{data}) }}"
        "* { font-family: Blocks !important; font-synthesis: none }"
    )


BLOCKS = _blocks()


def open_png(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def picture(tab, whole=False):
    """What a tab shows, with letters as blocks, reduced; the whole page, if asked to. The tab must not enforce
    the page's policy."""
    tab.add_style_tag(content=BLOCKS)
    tab.evaluate("document.fonts.load('16px Blocks')")
    image = open_png(tab.screenshot(full_page=whole))
    return image.reduce(SCALE)


def difference(one, other):
    """What is wrong between two reduced pictures; none if they look alike."""
    if one.size != other.size:
        return f"{one.size} instead of {other.size}"
    red, green, blue = ImageChops.difference(one, other).split()
    worst = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    far = sum(worst.histogram()[TOLERANCE + 1 :])
    if far > STRAY:
        return f"{far} of {one.width * one.height} pixels are too different"
    return None


def compare(picture, name, recording):
    """What is wrong with a picture beside its reference, and where it is kept; none if they look alike. Or the
    picture is recorded as the reference."""
    path = REFERENCES / f"{name}.png"
    if recording:
        REFERENCES.mkdir(exist_ok=True)
        picture.save(path, optimize=True)
        return None
    with Image.open(path) as reference:
        wrong = difference(picture, reference.convert("RGB"))
    if wrong is None:
        return None
    kept = pathlib.Path(tempfile.gettempdir()) / f"{name}.png"
    picture.save(kept)
    return f"{name}: {wrong}; see {kept}"


def _luminance(colour):
    """Relative luminance, WCAG 2."""
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(image):
    """The contrast of a text with what is behind it, from the picture of it (WCAG 2)."""
    colours = sorted(image.getcolors(image.width * image.height), reverse=True)
    back = _luminance(colours[0][1])

    def ratio(colour):
        lights = sorted([back, _luminance(colour)])
        return (lights[1] + 0.05) / (lights[0] + 0.05)

    # The strokes are as dark as the text only where they are wide: the most distant colour.
    return max(ratio(colour) for _, colour in colours)
