"""What a resumed training starts from, where fairseq assumes one process that never stopped."""

import functools

SHARDS, BATCHES = "num_shards", "num_batches"


def saving_shards(state_dict):
    """A data iterator's state with the devices and the batches that its position counts for."""

    @functools.wraps(state_dict)
    def save(self):
        return state_dict(self) | {SHARDS: self.num_shards, BATCHES: len(self.frozen_batches)}

    return save


def loading_shards(load_state_dict):
    """Goes on at the same place of the epoch on another number of devices.

    fairseq's position is that of one device: on half of the devices it would see half of the
    epoch's batches a second time, on twice as many it would leave half of them out. Where the
    number of batches is another one than before, it stays as it is.
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
    """Every process of a training reads the checkpoint that it goes on from.

    fairseq has the first one send it to the others, in a form that torch's safe loader refuses.
    """

    @functools.wraps(load_checkpoint)
    def load(self, *args, **kwargs):
        self.cfg.checkpoint.load_checkpoint_on_all_dp_ranks = True
        return load_checkpoint(self, *args, **kwargs)

    return load


def same_batches(get_batch_iterator):
    """The batches of a training that goes on in a later epoch are those that it began with.

    fairseq puts segments of equal length into batches by a draw that depends on the epoch in which
    the process started, and keeps them: going on would see some twice and leave others out.
    """

    @functools.wraps(get_batch_iterator)
    def get(self, *args, seed=1, epoch=1, **kwargs):
        if getattr(self.cfg, "rebuild_batches", False):
            return get_batch_iterator(self, *args, seed=seed, epoch=epoch, **kwargs)
        iterator = get_batch_iterator(self, *args, seed=seed + 1 - epoch, epoch=epoch, **kwargs)
        iterator.seed = seed
        return iterator

    return get
