"""What a name in code stands for, by looking and never by asking: no code of the project runs."""

import functools
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

NOTHING = object()
"""Where only a run would tell."""
_KNOWN = {
    "os._Environ": "os.environ",
    "django.conf.LazySettings": "django.conf.settings",
    "django.conf.UserSettingsHolder": "django.conf.settings",
    "django.db.utils.ConnectionHandler": "django.db.connections",
    "django.core.cache.CacheHandler": "django.core.cache.caches",
}
"""Objects that there is one of, by their class."""
_PROXIES = {
    "django.db.connections": "django.db.connection",
    "django.core.cache.caches": "django.core.cache.cache",
}
_PLACES = {"posix": "os", "nt": "os", "_io": "io", "_socket": "socket", "_random": "random"}
"""Where the standard library's compiled functions say they live: where their users know them."""
_MANAGERS = "django.db.models.manager"
_ROUTINES = (
    *(FunctionType, MethodType, types.BuiltinFunctionType, types.MethodDescriptorType),
    *(types.ClassMethodDescriptorType, types.WrapperDescriptorType, types.MethodWrapperType),
    functools._lru_cache_wrapper,
)


@dataclass(frozen=True)
class Meaning:
    """What an expression stands for."""

    value: Any = NOTHING
    """A module, class, function or method."""
    kind: type | None = None
    """Its class, where it is an object."""
    names: tuple[str, ...] = ()
    """The full names it is known by; an object's is that of its class and "()"."""
    is_property: bool = False
    """To read it is to call `value`."""

    def member(self, name: str) -> "Meaning":
        """Return what `this.name` stands for."""
        inside = tuple(f"{each}.{name}" for each in self.names)
        if is_a(self.value, ModuleType):
            found = meaning_of(vars(self.value).get(name, NOTHING))
            return Meaning(found.value, found.kind, (*inside, *found.names))
        owner = self.value if is_a(self.value, type) else self.kind
        return Meaning(names=inside) if owner is None else _of_class(owner, name, inside)


UNKNOWN = Meaning()


def is_a(value: Any, *kinds: type) -> bool:
    """isinstance(), which would ask a lazy object for its class, and so make it."""
    return issubclass(type(value), kinds)


def wrapped_by(value: Any) -> Any:
    """Return what a decorator's result wraps; None for anything else."""
    return inspect.getattr_static(value, "__wrapped__", None)


def meaning_of(value: Any) -> Meaning:
    """Return what a value is, and which names it has."""
    if value is NOTHING:
        return UNKNOWN
    names = tuple(names_of(value))
    if is_a(value, MethodType):
        return Meaning(value.__func__, None, names)
    if is_a(value, ModuleType, type, functools.partial, *_ROUTINES) or wrapped_by(value):
        return Meaning(value, None, names)
    return Meaning(NOTHING, type(value), names)


def object_of(kind: type) -> Meaning:
    """Return what an object of this class is."""
    return Meaning(NOTHING, kind, (_object_name(kind),))


def names_of(value: Any) -> Iterator[str]:
    """Yield the full names of a value."""
    if is_a(value, ModuleType):
        yield value.__name__
    elif is_a(value, functools.partial):
        yield from names_of(value.func)
    elif is_a(value, type):
        yield full_name(value)
    elif is_a(value, *_ROUTINES):
        yield from _names_of_routine(value)
    else:
        yield _object_name(type(value), value)


def full_name(kind: type) -> str:
    """Return a class's module and name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _names_of_routine(value: Any) -> Iterator[str]:
    owner: Any = getattr(value, "__self__", None)
    if is_a(owner, type):
        yield f"{full_name(owner)}.{value.__name__}"
    elif owner is not None and not is_a(owner, ModuleType):
        yield f"{type(owner).__module__}.{value.__name__}"  # random.random is one of an object's
        yield from (f"{each}.{value.__name__}" for each in names_of(owner))
    else:
        module = getattr(value, "__module__", None) or ""
        yield f"{_PLACES.get(module, module)}.{value.__qualname__}"


def _object_name(kind: type, value: Any = None) -> str:
    name = full_name(kind)
    if name == "django.utils.connection.ConnectionProxy" and value is not None:
        held = full_name(type(vars(value)["_connections"]))
        return _PROXIES.get(_KNOWN.get(held, held), f"{held}()")
    if any(full_name(each) == f"{_MANAGERS}.BaseManager" for each in kind.__mro__):
        return f"{_MANAGERS}.Manager()"
    if any(full_name(each) == "django.db.models.query.QuerySet" for each in kind.__mro__):
        return "django.db.models.query.QuerySet()"
    return _KNOWN.get(name, f"{name}()")


def _of_class(owner: type, name: str, inside: tuple[str, ...]) -> Meaning:
    """Return what a class, or an object of it, has under a name."""
    for each in owner.__mro__:
        if name in vars(each):
            found = vars(each)[name]
            named = (*inside, f"{full_name(each)}.{name}")
            if full_name(type(found)) == f"{_MANAGERS}.ManagerDescriptor":
                return Meaning(names=(f"{_MANAGERS}.Manager()",))
            if is_a(found, property, functools.cached_property):
                read = found.fget if is_a(found, property) else found.func
                return Meaning(read, names=named, is_property=True)
            if is_a(found, staticmethod, classmethod):
                found = found.__func__
            known = meaning_of(found)
            return Meaning(known.value, known.kind, (*named, *known.names))
    return Meaning(names=inside)
