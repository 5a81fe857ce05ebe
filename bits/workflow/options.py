"""The words that every command and `snakemake --config` take, as the request that they stand for.

One grammar: study=, scale=, data=, seeds=, extra=, site=, set= and any key of the configuration. On Snakemake's command
line a key with dots goes into set="key=value ...".
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bits.config.declared import CONFIG_DIR, read_yaml
from bits.config.extra import extra_file
from bits.config.near import did_you_mean
from bits.config.overrides import chosen_dataset, own_site, quoted
from bits.data.kind import dataset_kinds
from bits.errors import BitsError
from bits.plan import Request
from bits.plan.study import Study, read_study, scale_names

WORDS = {
    "study": "a named set-up, made by bits study new; instead of all that follows",
    "scale": "smoke, demo, small or paper (demo unless said)",
    "data": "folder or zip of the images that runs are pretrained on",
    "seeds": "0,1,2: every run once a seed",
    "extra": "files of config/extra, runs and exhibits beyond the paper: readings",
    "site": "a file of config/site (local, where there is one)",
    "set": '"key=value ...": keys of the configuration, for every run',
}
CLUSTERS = ("slurm",)
OWN = "images"  # the data set in config/dataset that is any folder or zip of a user's images
PLAIN = re.compile(r"[\w./-]*|'.*'|\".*\"")  # values that are the same text to Hydra
OF_THE_LINES = {
    "method": "every run of config/runs.yaml has its own method; a row for another is a line there",
    "run": "commands and builds take all runs of a study; a single one is a target: snakemake run/bits-reset",
}


def request(words: Mapping[str, Any]) -> Request:
    """The request behind words; raises BitsError for one that does not exist or says what a study says already."""
    words = _without_the_profiles(words)
    for word in words:
        if word not in WORDS:
            raise BitsError(
                f"{word}=...: no such word (a key of the configuration goes into set, as in "
                f'set="seed=1 schedule.epochs=50"){did_you_mean(word, WORDS)}'
            )
    if words.get("study") in scale_names() and "scale" not in words:
        words["scale"] = words.pop("study")
    if "study" not in words:
        scale = str(words.get("scale", "demo"))
        if scale not in scale_names():
            raise BitsError(f"scale={scale}: no such scale (a study is study=NAME){did_you_mean(scale, scale_names())}")
        return Request(scale, scale, _overrides(words), extra=_extra(words))
    name = str(words["study"])
    more = sorted(set(words) - {"study", "site"})
    if more:
        raise BitsError(
            f"study={name} {more[0]}=...: a study says its scale, data, seeds and keys itself. Edit "
            f"config/study/{name}.yaml, or make another one: bits study new NAME --from SCALE {more[0]}=..."
        )
    study = read_study(name)
    return Request(name, study.scale, _overrides({**study.words(), **words}), extra=study.extra)


def requested(words: Sequence[str]) -> Request:
    """The request behind a command's words, among which keys of the configuration may stand by themselves."""
    return request(as_options(words))


def as_options(words: Sequence[str]) -> dict[str, Any]:
    """{word: value}, with the keys of the configuration as a list under "set"; raises BitsError for no key=value."""
    options: dict[str, Any] = {}
    keys: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise BitsError(f"{word!r}: expected word=value, such as scale=paper or site.device=cpu")
        if key == "set":
            keys += value.split()
        elif key in WORDS:
            options[key] = value
        else:
            keys.append(word)
    return {**options, **({"set": keys} if keys else {})}


def as_typed(config: Mapping[str, Any], command: Sequence[str]) -> dict[str, Any]:
    """What Snakemake read of --config, with this project's words as they stand on its command line.

    Snakemake takes values for YAML and cuts quotes off their ends: a path such as "/x/a: b" would become a mapping, a
    folder 007 the number 7. Lists, as in seeds=[0,1], stay what it makes of them.
    """
    typed = dict(word.split("=", 1) for word in command if word.partition("=")[0] in WORDS and "=" in word)
    texts = {word: text for word, text in typed.items() if word in config and not isinstance(config[word], list)}
    return {**config, **{word: _unquoted(text) for word, text in texts.items() if text}}


def _unquoted(text: str) -> str:
    """Without quotes around all of it, which a shell has left where they stand inside others."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def study_of(words: Sequence[str]) -> Study:
    """What a new study is to hold; raises BitsError for words that no plan could be made from."""
    options = as_options(words)
    if "study" in options:
        raise BitsError("study=...: a study is made from a scale: bits study new NAME --from SCALE [word=value ...]")
    request(options)
    seeds = options.get("seeds")
    return Study(
        scale=options.get("scale", "demo"),
        data=options.get("data"),
        site=options.get("site"),
        seeds=tuple(map(int, _seeds(seeds).split(","))) if seeds is not None else None,
        extra=_extra(options),
        set=tuple(options.get("set", ())),
    )


def hydra_words(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """(name of the study, words for Hydra): data=, site= and the others in Hydra's terms, all else as it is.

    None where the words name none, so that the scale gives the name.
    """
    mine = [word for word in words if word.split("=")[0] in (*WORDS, "dataset") and "=" in word]
    if all(word.startswith("scale=") for word in mine):
        return None, [*own_site(words), *words]
    wanted = requested(mine)
    others = [word for word in words if word not in mine]
    return wanted.study, [f"scale={wanted.scale}", *wanted.overrides, *others]


def add_words(parser: argparse.ArgumentParser) -> None:
    """Let a command take the words, and its --help list them."""
    parser.add_argument("words", nargs="*", metavar="word=value", help="which set-up: see below")
    lines = [f"  {f'{word}=':8} {purpose}" for word, purpose in WORDS.items()]
    parser.epilog = "\n".join(["words:", *lines, "  key=value  any key of the configuration (docs/configuration.md)"])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def _overrides(words: Mapping[str, Any]) -> tuple[str, ...]:
    """The words as Hydra overrides for every run; keys come last, so that they win."""
    given = words.get("set", ())
    keys = given.split() if isinstance(given, str) else list(given)
    for word in keys:
        key = word.split("=")[0]
        if key in OF_THE_LINES:
            raise BitsError(f"{word}: {OF_THE_LINES[key]}")
        if key in WORDS:
            raise BitsError(f'set="{word}": {key} is a word of its own: say {word} outside of set')
    keys = [_place_quoted(word) for word in keys]
    overrides = [f"site={words['site']}"] if "site" in words else own_site(keys)
    if "seeds" in words:
        overrides.append(f"seeds=[{_seeds(words['seeds'])}]")
    if "data" in words:
        sets = _pretraining_sets(str(words.get("scale", "demo")), keys, str(words["data"]))
        overrides += [f"site.data.{name}={quoted(str(words['data']))}" for name in sets]
    return (*overrides, *keys)


def _place_quoted(word: str) -> str:
    """A word, with its value in quotes where it is a path that Hydra could not read without, such as ~/photos."""
    key, _, value = word.partition("=")
    is_place = key == "site.scratch" or key.startswith("site.data.")
    return word if not is_place or PLAIN.fullmatch(value) else f"{key}={quoted(value)}"


def _extra(words: Mapping[str, Any]) -> tuple[str, ...]:
    """The files of config/extra that are asked for, each once; raises DeclarationError for one that is not there."""
    names = tuple(dict.fromkeys(str(words["extra"]).split(","))) if "extra" in words else ()
    for name in names:
        extra_file(name, CONFIG_DIR)
    return names


def _pretraining_sets(scale: str, keys: Sequence[str], place: str) -> list[str]:
    """Names of the data sets whose place data= says: the one that runs are pretrained on, and "images".

    The paper's target sets keep their places. Raises BitsError where the pretraining images are rendered.
    """
    option = chosen_dataset(scale, keys, CONFIG_DIR)
    if not (CONFIG_DIR / f"dataset/{option}.yaml").is_file():  # refused when it is composed
        return [OWN]
    declared = _declared(option)
    if dataset_kinds()[declared["kind"]].prepare is not None:
        raise BitsError(
            f"data={place}: scale {scale} renders the images that it pretrains on (dataset={option}). Say scale=small, "
            f"which is for images of your own, or set=dataset={OWN}"
        )
    return list(dict.fromkeys([declared["name"], OWN]))


def _declared(option: str) -> dict[str, Any]:
    """A file of config/dataset, on top of the one that it extends, if any."""
    own = read_yaml(CONFIG_DIR / f"dataset/{option}.yaml")
    extended = [entry for entry in own.get("defaults", ()) if isinstance(entry, str) and entry != "_self_"]
    return {**(_declared(extended[0]) if extended else {}), **own}


def _seeds(given: object) -> str:
    """What Snakemake makes of seeds=0,1,2 (a text), seeds=1 (a number) or seeds=[0,1] (a list), as 0,1,2."""
    words = [str(item) for item in given] if isinstance(given, list) else str(given).strip("[]").split(",")
    if not all(word.strip().isdigit() for word in words):
        raise BitsError(f"seeds={given}: expected numbers with commas between them, such as seeds=0,1,2")
    return ",".join(word.strip() for word in words)


def _without_the_profiles(words: Mapping[str, Any]) -> dict[str, Any]:
    """The words without what Snakemake's profile for a cluster adds: `cluster`, and a scale that a study overrules.

    Raises BitsError for a cluster that there is not.
    """
    cluster = words.get("cluster", CLUSTERS[0])
    if cluster not in CLUSTERS:
        raise BitsError(f"cluster={cluster}: there is {', '.join(CLUSTERS)}")
    dropped = {"cluster", *(["scale"] if {"cluster", "study"} <= set(words) else [])}
    return {key: value for key, value in words.items() if key not in dropped}
