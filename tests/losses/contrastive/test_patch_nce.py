"""PatchNCE: cross entropy over positions, constant keys, heads that an optimizer finds, the queue and mixtures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restore.losses.contrastive.hard_mixing import HardMixing, mix_hard_negatives
from restore.losses.contrastive.objectives.base import SimilarityOptions
from restore.losses.contrastive.objectives.infonce import InfoNCE
from restore.losses.contrastive.objectives.registry import OBJECTIVES
from restore.losses.contrastive.patch_nce import PatchContrast, PatchRegularizer
from tests.losses.contrastive.conftest import SmallEncoder, pictures, seeded

CHANNELS = SmallEncoder.channels


def maps(n: int = 2, seed: int = 0) -> list[Tensor]:
    return [
        torch.randn(n, c, side, side, generator=seeded(seed + side)) for c, side in zip(CHANNELS, (6, 4), strict=True)
    ]


def contrast(positions: int = 8, **options: object) -> PatchContrast:
    torch.manual_seed(0)
    return PatchContrast(CHANNELS, InfoNCE(0.07), positions, 12, **options)


def test_it_is_cross_entropy_with_the_diagonal_as_targets() -> None:
    """As CUT computes it, one picture and one tap after the other, at the positions that the generator gives."""
    module, queries, keys = contrast(), maps(), maps(seed=9)
    generator, terms = seeded(), []
    for tap, (query, key) in enumerate(zip(queries, keys, strict=True)):
        places = torch.randperm(query.shape[2] * query.shape[3], generator=generator)[:8]
        for n in range(2):
            q = F.normalize(module.heads[tap].layers(query[n].flatten(1)[:, places].T), dim=1)
            k = F.normalize(module.heads[tap].layers(key[n].flatten(1)[:, places].T), dim=1)
            terms.append(F.cross_entropy(q @ k.T / 0.07, torch.arange(8)))
    torch.testing.assert_close(module(queries, keys, seeded()), torch.stack(terms).mean())


def test_keys_are_constants() -> None:
    module = contrast()
    queries, keys = ([x.requires_grad_() for x in maps(seed=s)] for s in (0, 9))
    loss = module(queries, keys, seeded())
    loss.backward()
    assert all(key.grad is None for key in keys)
    for query in queries:
        touched = (query.grad.abs().sum(dim=1) > 0).flatten(1)
        assert (touched.sum(dim=1) == 8).all(), "the sampled positions, and no others"
        assert torch.equal(touched[0], touched[1]), "the same in the whole batch"


def test_the_head_learns_from_queries_only() -> None:
    """Its gradient is that of a loss whose keys went through a copy of it."""
    module, other = contrast(), contrast()
    queries, keys = maps(), maps(seed=9)
    module(queries, keys, seeded()).backward()
    generator, terms = seeded(), []
    for tap, (query, key) in enumerate(zip(queries, keys, strict=True)):
        places = torch.randperm(query.shape[2] * query.shape[3], generator=generator)[:8]
        q = other.heads[tap](query.flatten(2)[:, :, places].transpose(1, 2))
        k = other.heads[tap](key.flatten(2)[:, :, places].transpose(1, 2)).detach()
        terms.append(F.cross_entropy((q @ k.transpose(1, 2) / 0.07).flatten(0, 1), torch.arange(8).repeat(2)))
    torch.stack(terms).mean().backward()
    for mine, theirs in zip(module.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
        assert mine.grad.abs().sum() > 0


def test_heads_are_there_before_the_first_use() -> None:
    assert sum(p.numel() for p in contrast().parameters()) == sum(c * 12 + 12 + 12 * 12 + 12 for c in CHANNELS)


def test_negatives_are_of_the_same_picture() -> None:
    """The loss of two pictures is the mean of the losses of each."""
    module, queries, keys = contrast(), maps(), maps(seed=9)
    one, two = (module([q[i : i + 1] for q in queries], [k[i : i + 1] for k in keys], seeded()) for i in range(2))
    torch.testing.assert_close(module(queries, keys, seeded()), (one + two) / 2)


def test_fewer_positions_than_asked_for_are_all_used() -> None:
    module, queries = contrast(positions=1000), [x.requires_grad_() for x in maps()]
    module(queries, maps(seed=9), seeded()).backward()
    assert all((query.grad.abs().sum(dim=1) > 0).all() for query in queries)


def test_correspondence_is_what_counts() -> None:
    module, queries = contrast(positions=16), maps()
    same = module(queries, queries, seeded())
    moved = module(queries, [x.roll(1, dims=3) for x in queries], seeded())
    assert same < moved


def test_the_queue_adds_past_keys() -> None:
    """The first call sees the queue as it began, the second the keys of the first."""
    module, plain = contrast(queue=20), contrast()
    module.heads.load_state_dict(plain.heads.state_dict())
    queries, keys = maps(), maps(seed=9)
    began = [queue.keys.clone() for queue in module.queues]
    assert module(queries, keys, seeded()) > plain(queries, keys, seeded())
    for tap, (queue, old) in enumerate(zip(module.queues, began, strict=True)):
        places = torch.randperm(keys[tap].shape[2] ** 2, generator=generator_at(tap, keys))[:8]
        pushed = module.heads[tap](keys[tap].flatten(2)[:, :, places].transpose(1, 2)).flatten(0, 1)
        torch.testing.assert_close(queue.keys, torch.cat([pushed, old[16:]]))
    module.eval()
    before = module.queues[0].keys
    module(queries, keys, seeded())
    assert torch.equal(module.queues[0].keys, before), "in evaluation nothing is remembered"
    assert "queues.1.keys" in module.state_dict()


def generator_at(tap: int, keys: list[Tensor]) -> torch.Generator:
    generator = seeded()
    for key in keys[:tap]:
        torch.randperm(key.shape[2] ** 2, generator=generator)
    return generator


def test_queue_and_mixtures_in_the_denominator() -> None:
    """Against the definition, with the mixtures that the generator gives."""
    options = HardMixing(hardest=4, pairs=3, with_query=2)
    module = contrast(queue=20, mixing=options)
    queries, keys = [maps()[0]], [maps(seed=9)[0]]
    module.heads, module.queues = module.heads[:1], module.queues[:1]
    past, generator = module.queues[0].keys, seeded()
    places = torch.randperm(36, generator=generator)[:8]
    q, k = (module.heads[0](x[0].flatten(2)[:, :, places].transpose(1, 2)) for x in (queries, keys))
    mixed = mix_hard_negatives(q.flatten(0, 1), past, options, generator)
    terms = []
    for row in range(16):
        n, s = divmod(row, 8)
        others = torch.cat([k[n], past, mixed[row]]) @ q[n, s] / 0.07
        terms.append(F.cross_entropy(others, torch.tensor(s)))
    torch.testing.assert_close(module(queries, keys, seeded()), torch.stack(terms).mean())


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match="a queue of 0 keys is too short"):
        contrast(mixing=HardMixing())
    with pytest.raises(ValueError, match="zip"):
        contrast()(maps()[:1], maps(), seeded())
    with pytest.raises(ValueError, match="zip"):
        contrast()([*maps(), maps()[0]], [*maps(), maps()[0]], seeded())


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("key", ["input", "target"])
def test_between_pictures(key: str, freeze: bool) -> None:
    """The gradient reaches the output and the heads, the encoder only where it is part of what is trained."""
    encoder = SmallEncoder()
    module = PatchRegularizer(encoder, contrast(), key, freeze)
    output, target = pictures(2, seed=3).requires_grad_(), pictures(2).requires_grad_()
    low = nn.functional.avg_pool2d(pictures(2), 2).requires_grad_()
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    module(output, target, low, seeded()).backward()
    assert (output.grad.flatten(1).abs().sum(dim=1) > 1e-6).all()
    assert target.grad is None
    assert low.grad is None
    assert all(p.grad.abs().sum() > 0 for p in module.contrast.parameters())
    assert all((p.grad is None) == freeze for p in encoder.parameters())
    assert all(torch.equal(before[k], v) for k, v in encoder.state_dict().items()) == freeze


def test_the_key_is_what_was_asked_for() -> None:
    output, target = pictures(2, seed=3), pictures(2)
    low = nn.functional.avg_pool2d(pictures(2, seed=4), 2)
    large = F.interpolate(low, (12, 12), mode="bicubic", antialias=True).clamp(0, 1)
    module, encoder = contrast(), SmallEncoder().eval()
    for key, picture in (("target", target), ("input", large)):
        got = PatchRegularizer(encoder, module, key)(output, target, low, seeded())
        torch.testing.assert_close(got, module(encoder(output), encoder(picture), seeded()))


@pytest.mark.parametrize("kind", [kind for kind, o in OBJECTIVES.items() if issubclass(o, SimilarityOptions)])
def test_every_objective_of_similarities(kind: str) -> None:
    module = PatchContrast(CHANNELS, OBJECTIVES[kind]().build(0), 8, 12)
    queries = [x.requires_grad_() for x in maps()]
    with torch.autocast("cpu", torch.bfloat16):
        loss = module(queries, maps(seed=9), seeded())
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert all(query.grad.isfinite().all() and query.grad.abs().sum() > 0 for query in queries)


def test_it_learns_a_correspondence() -> None:
    """Heads alone, trained, tell which position of a recolored picture belongs to which."""
    module = contrast(positions=36)
    draw = seeded()
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    mix = [torch.linalg.qr(torch.randn(c, c, generator=draw))[0] for c in CHANNELS]
    losses = []
    for step in range(150):
        queries = maps(seed=step)
        keys = [torch.einsum("dc,nchw->ndhw", m, x) for m, x in zip(mix, queries, strict=True)]
        loss = module(queries, keys, draw)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
