"""What a resumed training starts from, where fairseq assumes one process that never stopped."""

import functools

SHARDS, BATCHES = "num_shards", "num_batches"


def saving_shards(state_dict):
    """Add to an iterator's state how many devices and batches its position refers to."""

    @functools.wraps(state_dict)
    def save(self):
        return state_dict(self) | {SHARDS: self.num_shards, BATCHES: len(self.frozen_batches)}

    return save


def loading_shards(load_state_dict):
    """Resume at the same place of the epoch on another number of devices.

    fairseq's position counts the batches of one device: resumed on half as many devices it would
    repeat batches, on twice as many it would skip some. If the number of batches has changed, the
    position is left alone.
    """

    @functools.wraps(load_state_dict)
    def load(self, state):
        self.epoch = state["epoch"]
        if state.get(BATCHES) == len(self.frozen_batches):
            position = state["iterations_in_epoch"] * state[SHARDS] // self.num_shards
            state = state | {"iterations_in_epoch": position}
        return load_state_dict(self, state)

    return load


def reading_everywhere(load_checkpoint):
    """Every process of a training reads the checkpoint that it resumes from.

    fairseq has rank 0 send it to the others, pickled, which torch's safe loader refuses.
    """

    @functools.wraps(load_checkpoint)
    def load(self, *args, **kwargs):
        self.cfg.checkpoint.load_checkpoint_on_all_dp_ranks = True
        return load_checkpoint(self, *args, **kwargs)

    return load


def same_batches(get_batch_iterator):
    """A training that resumes in a later epoch has the batches that it began with.

    fairseq draws the order of segments of equal length, and with it the batches, once a process,
    from the epoch that the process starts in: a resumed training would see some segments twice and
    others not at all.
    """

    @functools.wraps(get_batch_iterator)
    def get(self, *args, seed=1, epoch=1, **kwargs):
        if getattr(self.cfg, "rebuild_batches", False):
            return get_batch_iterator(self, *args, seed=seed, epoch=epoch, **kwargs)
        iterator = get_batch_iterator(self, *args, seed=seed + 1 - epoch, epoch=epoch, **kwargs)
        iterator.seed = seed
        return iterator

    return get
