"""How long a large job takes, and what it costs: a model of its stages, for any number of workers.

    python scripts/cluster_model.py [--pictures 100000000] [--seconds 1.58] [--cores 2] [--price 0.04] ...

A job is as fast as its slowest stage: the workers, the store's bandwidth, its listing, or the driver. The defaults are
what was measured, where something was: --seconds is the time of sr-x2 in fp32 for one picture of one megapixel on two
cores (restore bench), --names what scripts/simulate_driver.py prints, --call what scripts/bench_ray.py --batches
prints, --journal what tests/stores/test_many_objects.py prints. --page, --megabytes, --gigabits, --store-gigabits and
--price are round numbers, to be replaced by those of your pictures, store and cloud.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

_LISTED = 1000  # keys in a page of S3
_WORKERS = (1, 100, 10_000)


@dataclass(frozen=True)
class Job:
    """Constants of a job.

    Attributes:
        pictures: how many there are.
        seconds: that one takes a worker.
        cores: of a worker, or 0 if its price is given whole.
        price: of a core for an hour, or of a worker.
        megabytes: read and written for a picture.
        gigabits: a second between a worker and the store.
        store_gigabits: a second that the store gives to all workers together.
        page: seconds that the store takes to list a thousand names.
        names: a second that the driver handles.
        call: seconds of the driver for a batch, in Ray.
        batch: pictures in one.
        journal: bytes of the journal for a picture.
    """

    pictures: int
    seconds: float
    cores: float
    price: float
    megabytes: float
    gigabits: float
    store_gigabits: float
    page: float
    names: float
    call: float
    batch: int
    journal: float

    def rates(self, workers: int) -> dict[str, float]:
        """Pictures a second that each stage can do."""
        bits = 8e6 * self.megabytes
        each = min(1 / self.seconds, self.gigabits * 1e9 / bits)
        return {
            "workers": workers * each,
            "store": self.store_gigabits * 1e9 / bits,
            "listing": _LISTED / self.page,
            "driver": 1 / (1 / self.names + self.call / self.batch),
        }


def row(job: Job, workers: int) -> str:
    """A row of the table."""
    rates = job.rates(workers)
    slowest = min(rates, key=lambda stage: rates[stage])
    hours = job.pictures / rates[slowest] / 3600
    cost = hours * workers * (job.cores or 1) * job.price
    return (
        f"| {workers:,} | {3600 * rates[slowest]:,.0f} | {spelled(hours)} | {cost:,.0f} | {slowest} | "
        f"{100 * rates[slowest] / rates['workers']:.0f} % | {8e-3 * job.megabytes * rates[slowest]:,.2f} Gbit/s | "
        f"{100 * rates[slowest] / rates['driver']:.1f} % |"
    )


def spelled(hours: float) -> str:
    """A length of time in the unit that suits it."""
    if hours < 48:
        return f"{hours:.1f} hours"
    return f"{hours / 24:,.0f} days" if hours < 24 * 730 else f"{hours / 24 / 365:.1f} years"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", default=100_000_000, type=int)
    parser.add_argument("--seconds", default=1.58, type=float, help="of a worker for a picture")
    parser.add_argument("--cores", default=2, type=float, help="of a worker; 0 if --price is that of a worker")
    parser.add_argument("--price", default=0.04, type=float, help="of a core for an hour")
    parser.add_argument("--megabytes", default=1.25, type=float, help="read and written for a picture")
    parser.add_argument("--gigabits", default=1, type=float, help="a second between a worker and the store")
    parser.add_argument("--store-gigabits", default=400, type=float, help="a second that the store gives to all")
    parser.add_argument("--page", default=0.1, type=float, help="seconds to list a thousand names")
    parser.add_argument("--names", default=_NAMES, type=float, help="a second that the driver handles")
    parser.add_argument("--call", default=_CALL, type=float, help="seconds of the driver for a batch, in Ray")
    parser.add_argument("--batch", default=16, type=int, help="pictures in a batch")
    parser.add_argument("--journal", default=326, type=float, help="bytes of the journal for a picture")
    job = Job(**vars(parser.parse_args()))
    print("| workers | pictures an hour | time | cost | slowest stage | workers busy | store | driver busy |")
    print("|---|---|---|---|---|---|---|---|")
    for workers in _WORKERS:
        print(row(job, workers))
    print(
        f"\n{job.pictures:,} pictures; their listing takes {spelled(job.pictures / _LISTED * job.page / 3600)}, in "
        f"parallel; the journal {job.journal * job.pictures / 1e9:,.1f} GB"
    )


# By scripts/simulate_driver.py and scripts/bench_ray.py, on a core of an AMD EPYC that had other work.
_NAMES, _CALL = 5_000, 0.00048

if __name__ == "__main__":
    main()
