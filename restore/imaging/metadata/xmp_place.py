"""Remove the place from XMP: by a list of what stays, since nobody can list what every camera maker may add."""

from __future__ import annotations

import re

from restore.imaging.metadata import xmp
from restore.imaging.metadata.xmp import RDF, XML, BrokenPacketError, Name

_ALL = None
# By namespace, the properties and fields that stay; _ALL stands for everything whose name does not speak of a place.
_KEPT: dict[str, frozenset[str] | None] = {
    uri: _ALL if names == "*" else frozenset(names.split())
    for uri, names in {
        RDF: "RDF Description Bag Seq Alt li value about resource parseType",
        XML: "lang",
        xmp.META: "xmpmeta xapmeta",
        # Not coverage, which Dublin Core made for places.
        "http://purl.org/dc/elements/1.1/": "contributor creator date description format identifier language publisher"
        " relation rights source subject title type",
        "http://ns.adobe.com/xap/1.0/": "CreateDate CreatorTool Identifier Label MetadataDate ModifyDate Nickname"
        " Rating",
        "http://ns.adobe.com/xap/1.0/rights/": "Certificate Marked Owner UsageTerms WebStatement",
        "http://ns.adobe.com/xap/1.0/mm/": "*",
        "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "*",
        "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "*",
        "http://ns.adobe.com/xap/1.0/sType/Version#": "*",
        "http://ns.adobe.com/photoshop/1.0/": "AuthorsPosition CaptionWriter Category ColorMode Credit DateCreated"
        " Headline ICCProfile Instructions Source SupplementalCategories TransmissionReference Urgency",
        "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "AltTextAccessibility CiEmailWork CiTelWork CiUrlWork"
        " CreatorContactInfo ExtDescrAccessibility IntellectualGenre Scene SubjectCode",
        "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "AddlModelInfo DigImageGUID DigitalSourceType"
        " DigitalSourcefileType MaxAvailHeight MaxAvailWidth ModelAge OrganisationInImageName PersonInImage",
        "http://ns.useplus.org/ldf/xmp/1.0/": "*",
        "http://ns.adobe.com/tiff/1.0/": "Artist BitsPerSample Compression Copyright DateTime ImageDescription"
        " ImageLength ImageWidth Make Model Orientation PhotometricInterpretation PlanarConfiguration"
        " PrimaryChromaticities ReferenceBlackWhite ResolutionUnit SamplesPerPixel Software TransferFunction"
        " WhitePoint XResolution YCbCrCoefficients YCbCrPositioning YCbCrSubSampling YResolution",
        "http://ns.adobe.com/exif/1.0/": "ApertureValue BrightnessValue CFAPattern ColorSpace ComponentsConfiguration"
        " CompressedBitsPerPixel Contrast CustomRendered DateTimeDigitized DateTimeOriginal DeviceSettingDescription"
        " DigitalZoomRatio ExifVersion ExposureBiasValue ExposureIndex ExposureMode ExposureProgram ExposureTime"
        " FNumber FileSource Fired Flash FlashEnergy FlashpixVersion FocalLength FocalLengthIn35mmFilm"
        " FocalPlaneResolutionUnit FocalPlaneXResolution FocalPlaneYResolution Function GainControl ISOSpeedRatings"
        " ImageUniqueID LightSource MaxApertureValue MeteringMode Mode OECF PixelXDimension PixelYDimension"
        " RedEyeMode Return Saturation SceneCaptureType SceneType SensingMethod Sharpness ShutterSpeedValue"
        " SpatialFrequencyResponse SpectralSensitivity SubjectArea SubjectDistance SubjectDistanceRange"
        " SubjectLocation UserComment WhiteBalance",
        "http://cipa.jp/exif/1.0/": "*",
        "http://ns.adobe.com/exif/1.0/aux/": "*",
        "http://ns.adobe.com/camera-raw-settings/1.0/": "*",
        "http://ns.adobe.com/lightroom/1.0/": "hierarchicalSubject weightedFlatSubject",
    }.items()
}
_ABOUT_PLACE = re.compile(
    "gps|latitude|longt?itude|altitude|location|coordinate|country|province|region|landmark|address|postal|street"
    "|(?<!opa)(?<!apa)(?<!elo)city|^place|^state|^geo",
    re.IGNORECASE,
)
# Pairs of decimal degrees, degrees with minutes or a hemisphere, geo: addresses and tags. Numbers are written as whole
# and fraction of bounded length, so that no text takes long.
_COORDINATES = re.compile(
    r"\bgeo:|(?<![\d.])[-+]?\d{1,3}\.\d{3,20}\s?°?\s?[NSns]?\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{3,20}"
    r"|\d{1,3}(?:\.\d{1,20})?\s?[°º]\s?(?:[NSEWO]\b|\d{1,2}(?:\.\d{1,20})?\s?['\u2032])"
)
_NUMERIC = frozenset({"http://ns.adobe.com/camera-raw-settings/1.0/"})  # pairs of numbers are points of its curves
_CONTAINERS = frozenset(
    {*((RDF, local) for local in ("RDF", "Description", "Bag", "Seq", "Alt")), (xmp.META, "xmpmeta")}
)


def without_place(packet: bytes) -> bytes | None:
    """The packet with only properties known not to tell the place, and without texts that read as coordinates.

    Returns:
        The packet, or None if it cannot be parsed or nothing is left.
    """
    try:
        tree = xmp.parse(packet)
    except BrokenPacketError:
        return None
    for element in tree:  # a parent precedes its children, so what is removed is not visited
        element.attributes = [(name, _about(name, value)) for name, value in element.attributes if _stays(name, value)]
        below = element.elements
        if below or element.name in _CONTAINERS:  # their text is no value
            element.children = [child for child in below if _stays(child.name, "" if child.elements else child.text)]
    return xmp.write(tree) if any(d.elements or len(d.attributes) > 1 for d in tree.descriptions) else None


def reads_as_coordinates(text: str) -> bool:
    """Whether a text contains coordinates, such as ``48.8583, 2.2945`` or ``48°51'N``, or a ``geo:`` tag."""
    return _COORDINATES.search(text) is not None


def _stays(name: Name, value: str) -> bool:
    uri, local = name
    if uri not in _KEPT:
        return False
    names = _KEPT[uri]
    if _ABOUT_PLACE.search(local) if names is None else local not in names:
        return False
    return uri in _NUMERIC or not reads_as_coordinates(value)


def _about(name: Name, value: str) -> str:
    """The attribute's value; the name of what the packet is about is not needed, and could be any text."""
    return "" if name == (RDF, "about") else value
