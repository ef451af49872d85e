"""The update of a variable in one pass over it.

Keras 3 writes an update as some ten operations, each of which goes through all weights; on a CPU they take most of a step of a
dense head. TensorFlow keeps the kernels that its own optimisers were made of before Keras 3: the same formulas (Adam and Adamax:
Kingma and Ba 2015, algorithms 1 and 2; RMSprop: Tieleman and Hinton 2012), one pass. They round 1 - beta to the type of the
weights, which Keras does not, so the two differ in their last digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kernel:
    """An update of TensorFlow's, and what its arguments are called in Keras' optimiser.

    Attributes:
        name: in `tf.raw_ops`.
        slots: arguments that are a variable beside each weight; attributes that hold a list of them.
        numbers: arguments that are a number; attributes.
        powers: arguments that are a number to the power of the update's number, from 1; attributes.
    """

    name: str
    slots: Mapping[str, str]
    numbers: Mapping[str, str]
    powers: Mapping[str, str] = field(default_factory=dict)


_BETAS = {"beta1": "beta_1", "beta2": "beta_2", "epsilon": "epsilon"}

_ADAM = Kernel(
    "ResourceApplyAdam", {"m": "_momentums", "v": "_velocities"}, _BETAS, {"beta1_power": "beta_1", "beta2_power": "beta_2"}
)

KERNELS = {
    "Adam": _ADAM,
    # Keras takes the decay of the weights off before the update.
    "AdamW": _ADAM,
    "Adamax": Kernel("ResourceApplyAdaMax", {"m": "_m", "v": "_u"}, _BETAS, {"beta1_power": "beta_1"}),
    "RMSprop": Kernel(
        "ResourceApplyRMSProp",
        {"ms": "_velocities", "mom": "_momentums"},
        {"rho": "rho", "momentum": "momentum", "epsilon": "epsilon"},
    ),
}


def fused(kind: Any) -> Any:
    """A Keras optimiser whose updates are TensorFlow's kernels; `kind` itself where there is none for it.

    Args:
        kind: a class of `keras.optimizers`. Everything but the update of a variable stays Keras' own: schedules, clipping, weight
            decay, moving averages, accumulation. Not for AMSGrad or centred RMSprop.
    """
    kernel = KERNELS.get(kind.__name__)
    return kind if kernel is None else _with(kernel, kind)


def _with(kernel: Kernel, kind: Any) -> Any:
    class Fused(kind):  # type: ignore[misc]
        """The same optimiser, one pass an update."""

        def build(self, variables: Any) -> None:
            if self.built:
                return
            super().build(variables)
            # RMSprop's kernel wants a place for a momentum even where there is none.
            for attribute in kernel.slots.values():
                if not getattr(self, attribute):
                    setattr(self, attribute, self.add_optimizer_variables(variables, attribute.strip("_")))

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            import tensorflow as tf

            index, dtype = self._get_variable_index(variable), variable.dtype
            getattr(tf.raw_ops, kernel.name)(
                var=variable.handle,
                lr=tf.cast(learning_rate, dtype),
                grad=tf.cast(gradient, dtype),
                **{argument: getattr(self, slots)[index].value.handle for argument, slots in kernel.slots.items()},
                **{argument: tf.cast(getattr(self, number), dtype) for argument, number in kernel.numbers.items()},
                **{argument: _power(getattr(self, base), self.iterations, dtype) for argument, base in kernel.powers.items()},
            )

    # Keras names an optimiser's variables by its class.
    Fused.__name__ = kind.__name__
    return Fused


def _power(base: float, iterations: Any, dtype: Any) -> Any:
    """`base` to the number of the update, computed as Keras does."""
    from keras import ops

    return ops.power(ops.cast(base, dtype), ops.cast(iterations + 1, dtype))
