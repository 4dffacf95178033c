"""Write a preset of Camera Raw and Lightroom: settings in XMP, in the namespace ``crs``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from restore.imaging.metadata import xmp
from restore.imaging.metadata.xmp import META, RDF, XML, Element, Packet

_CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
_PREFIXES = {META: "x", RDF: "rdf", XML: "xml", _CRS: "crs"}
# Process version 5 (11.0), whose curves these are, and the first Camera Raw that has it.
_VERSIONS = {"Version": "11.0", "ProcessVersion": "11.0"}
# Without these Lightroom does not list a file among its presets.
_PRESET = {
    "PresetType": "Normal",
    "Cluster": "",
    "SupportsAmount": "False",
    "SupportsColor": "True",
    "SupportsMonochrome": "True",
    "SupportsHighDynamicRange": "True",
    "SupportsNormalDynamicRange": "True",
    "SupportsSceneReferred": "True",
    "SupportsOutputReferred": "True",
}
# A point of a curve: input and output, 0..255.
Point = tuple[int, int]


def camera_raw_preset(name: str, saturation: int, curves: Mapping[str, Sequence[Point]]) -> bytes:
    """A preset that sets saturation and tone curves, and nothing else.

    Args:
        name: shown by the program.
        saturation: -100, gray, to 100.
        curves: at most 16 points for each of ``Red``, ``Green`` and ``Blue``, with increasing inputs.

    Returns:
        The file, which is the same for the same arguments.
    """
    packet = Packet(Element((META, "xmpmeta"), []), dict(_PREFIXES))
    settings = packet.add_description()
    identity = hashlib.sha256(repr((name, saturation, sorted(curves.items()))).encode("utf-8", "surrogateescape"))
    values = {
        **_PRESET,
        "UUID": identity.hexdigest()[:32].upper(),
        **_VERSIONS,
        "Saturation": f"{saturation:+d}" if saturation else "0",
        "ToneCurveName2012": "Custom",
        "HasSettings": "True",
    }
    settings.attributes += [((_CRS, key), value) for key, value in values.items()]
    shown = settings.add((_CRS, "Name")).add((RDF, "Alt")).add((RDF, "li"))
    shown.attributes.append(((XML, "lang"), "x-default"))
    shown.children.append(name)
    for channel, points in {"": [(0, 0), (255, 255)], **curves}.items():
        listed = settings.add((_CRS, f"ToneCurvePV2012{channel}")).add((RDF, "Seq"))
        for before, after in points:
            listed.add((RDF, "li")).children.append(f"{before}, {after}")
    return xmp.write(packet)
