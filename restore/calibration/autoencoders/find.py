"""Open the autoencoder that a user names."""

from __future__ import annotations

import re
from pathlib import Path

from restore.calibration.autoencoders.autoencoder import Autoencoder, Needs
from restore.calibration.autoencoders.kl_weights import load_kl
from restore.calibration.autoencoders.onnx_pair import LAYOUTS, OnnxAutoencoder
from restore.calibration.autoencoders.torch_autoencoder import TorchAutoencoder
from restore.encoders.module import made_module
from restore.errors import ModelError
from restore.networks.patch_autoencoder import PatchAutoencoder, PatchAutoencoderOptions
from restore.networks.third_party_checkpoint import SUFFIXES
from restore.training.checkpoint import LAST, is_checkpoint
from restore.training.trained_network import load_trained

_FACTORY = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"

# Places of the code around a tile of an AutoencoderKL. It looks at the whole picture, but mostly at what is near.
_KL_HALO = 4


def find_autoencoder(named: str) -> Autoencoder:
    """Open an autoencoder.

    Args:
        named: a file with the weights of an AutoencoderKL, a run of ``restore train autoencoder``, a folder with
            ``encoder.onnx`` and ``decoder.onnx``, or ``package.module:factory`` of a module with methods ``encode`` and
            ``decode``, whose code is run.

    Raises:
        ModelError: it is none of these, or cannot be used.
    """
    path = Path(named)
    if not path.exists() and re.fullmatch(_FACTORY, named):
        return TorchAutoencoder(made_module(named, {}, "autoencoder"), named.partition(":")[2])
    if path.is_dir():
        if (path / LAST).is_file():
            return _of_run(path)
        pair = next((files for files in LAYOUTS if all((path / file).is_file() for file in files)), None)
        if pair is None:
            raise ModelError(
                f"{path}: a folder of an autoencoder has {' or '.join(' and '.join(files) for files in LAYOUTS)}, or "
                "is a run of restore train autoencoder"
            )
        return OnnxAutoencoder(*(path / file for file in pair))
    if not path.is_file():
        raise ModelError(f"{path}: no such autoencoder: name a file of weights, a folder or package.module:factory")
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(
            f"{path}: an autoencoder is a file of weights ({', '.join(SUFFIXES)}), or a folder with encoder.onnx and "
            "decoder.onnx"
        )
    if is_checkpoint(path):
        return _of_run(path)
    return _of_kl(path)


def _of_kl(path: Path) -> Autoencoder:
    network = load_kl(path)
    factor = network.factor
    needs = Needs(factor, network.sizes.channels, factor, factor, _KL_HALO * factor, exact=False)
    return TorchAutoencoder(network, "AutoencoderKL", needs)


def _of_run(path: Path) -> Autoencoder:
    recipe, network, checkpoint = load_trained(path)
    options = recipe.network
    if not isinstance(options, PatchAutoencoderOptions) or not isinstance(network, PatchAutoencoder):
        raise ModelError(
            f"{checkpoint.path}: a run of the network '{options.kind}', which has no code to work in: train one by the "
            "recipe autoencoder"
        )
    multiple = options.multiple(1)
    needs = Needs(options.factor, options.channels, multiple, options.minimum(), options.halo(1), options.exact_tiles())
    return TorchAutoencoder(network, options.kind, needs, recipe.licence)
