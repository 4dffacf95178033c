"""All parts at once, for ``--plugin restore_example.register`` from a checkout; an installed package needs none of this."""

from restore.data.degradations.registry import DEGRADATIONS
from restore.data.filters.library import FILTERS
from restore.data.sources.registry import SOURCES
from restore.encoders.registry import ENCODERS
from restore.losses.contrastive.objectives.registry import OBJECTIVES
from restore.losses.registry import LOSSES
from restore.metrics.registry import METRICS
from restore.networks.registry import NETWORKS
from restore_example import data_source, degradation, encoder, loss, metric, network, objective, photo_filter

NETWORKS.register(network.SeparableOptions)
LOSSES.register(loss.HuberOptions)
OBJECTIVES.register(objective.SigmoidOptions)
ENCODERS.register(encoder.SobelOptions)
DEGRADATIONS.register(degradation.Fringes)
FILTERS.register(photo_filter.FILTER)
METRICS.register(metric.METRIC)
SOURCES.register(data_source.HazeSource)
