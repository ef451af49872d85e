"""The update of a variable in one pass over it.

Keras 3 writes an update as some ten operations, each of which goes through all weights; on a CPU they take most of a step of a
dense head. TensorFlow keeps the kernels that its own optimisers were made of before Keras 3: the same formulas (Adam and Adamax:
Kingma and Ba 2015, algorithms 1 and 2; RMSprop: Tieleman and Hinton 2012), one pass. They round 1 - beta to the type of the
weights, which Keras does not, so the two differ in their last digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def fused(kind: type) -> type:
    """A Keras optimiser whose updates are TensorFlow's kernels; `kind` itself where there is none for it.

    Args:
        kind: a class of `keras.optimizers`. Everything but the update of a variable stays Keras' own: schedules, clipping, weight
            decay, moving averages, accumulation.
    """
    make = _KINDS.get(kind.__name__)
    if make is None:
        return kind
    made = make(kind)
    # Keras names an optimiser's variables by its class.
    made.__name__ = kind.__name__
    return made


def _adam(kind: Any) -> type:
    class Fused(kind):  # type: ignore[misc]
        """Adam, or AdamW, whose decay of the weights comes before its update."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            import tensorflow as tf

            index, kind = self._get_variable_index(variable), variable.dtype
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[index].value.handle,
                v=self._velocities[index].value.handle,
                beta1_power=_power(self.beta_1, self.iterations, kind),
                beta2_power=_power(self.beta_2, self.iterations, kind),
                lr=tf.cast(learning_rate, kind),
                beta1=tf.cast(self.beta_1, kind),
                beta2=tf.cast(self.beta_2, kind),
                epsilon=tf.cast(self.epsilon, kind),
                grad=tf.cast(gradient, kind),
            )

    return Fused


def _adamax(kind: Any) -> type:
    class Fused(kind):  # type: ignore[misc]
        """Adamax."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            import tensorflow as tf

            index, kind = self._get_variable_index(variable), variable.dtype
            tf.raw_ops.ResourceApplyAdaMax(
                var=variable.handle,
                m=self._m[index].value.handle,
                v=self._u[index].value.handle,
                beta1_power=_power(self.beta_1, self.iterations, kind),
                lr=tf.cast(learning_rate, kind),
                beta1=tf.cast(self.beta_1, kind),
                beta2=tf.cast(self.beta_2, kind),
                epsilon=tf.cast(self.epsilon, kind),
                grad=tf.cast(gradient, kind),
            )

    return Fused


def _rmsprop(kind: Any) -> type:
    class Fused(kind):  # type: ignore[misc]
        """RMSprop, not centred. The kernel wants a place for a momentum even where there is none."""

        _momentums: list[Any]

        def build(self, variables: Any) -> None:
            built = self.built
            super().build(variables)
            if not built and not self._momentums:
                self._momentums = self.add_optimizer_variables(variables, "momentum")

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            import tensorflow as tf

            index, kind = self._get_variable_index(variable), variable.dtype
            tf.raw_ops.ResourceApplyRMSProp(
                var=variable.handle,
                ms=self._velocities[index].value.handle,
                mom=self._momentums[index].value.handle,
                lr=tf.cast(learning_rate, kind),
                rho=tf.cast(self.rho, kind),
                momentum=tf.cast(self.momentum, kind),
                epsilon=tf.cast(self.epsilon, kind),
                grad=tf.cast(gradient, kind),
            )

    return Fused


def _power(base: float, iterations: Any, kind: Any) -> Any:
    """`base` to the number of the update, from 1, as Keras has it."""
    from keras import ops

    return ops.power(ops.cast(base, kind), ops.cast(iterations + 1, kind))


_KINDS: dict[str, Callable[[Any], type]] = {"Adam": _adam, "AdamW": _adam, "Adamax": _adamax, "RMSprop": _rmsprop}
