"""Any text as LaTeX that pdflatex can print: ASCII alone, whatever the text holds."""

from __future__ import annotations

import unicodedata

_ASCII = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "*": "{*}",  # at the start of a row, \\\\ would take it for its star
    "[": "{[}",
    "]": "{]}",
    '"': "''",
}
_PUNCTUATION = {
    "–": "--",
    "—": "---",
    "‐": "-",
    "‑": "-",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "„": ",,",
    "‘": "`",
    "’": "'",
    "‚": ",",
    "«": r"$\ll$",
    "»": r"$\gg$",
    "⁄": "/",
    "•": r"$\bullet$",
    "§": r"\S{}",
    "©": r"\copyright{}",
    "€": "EUR",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
}
_SIGNS = (
    *(("±", "pm"), ("∓", "mp"), ("×", "times"), ("÷", "div"), ("·", "cdot"), ("∘", "circ"), ("⊙", "odot")),
    *(("⊕", "oplus"), ("⊗", "otimes"), ("≤", "leq"), ("≥", "geq"), ("≪", "ll"), ("≫", "gg"), ("≠", "neq")),
    *(("≈", "approx"), ("≡", "equiv"), ("∼", "sim"), ("≃", "simeq"), ("∝", "propto"), ("∞", "infty")),
    *(("√", "surd"), ("∑", "sum"), ("∏", "prod"), ("∫", "int"), ("∂", "partial"), ("∇", "nabla"), ("∈", "in")),
    *(("∉", "notin"), ("⊂", "subset"), ("⊆", "subseteq"), ("∪", "cup"), ("∩", "cap"), ("∅", "emptyset")),
    *(("∀", "forall"), ("∃", "exists"), ("∧", "wedge"), ("∨", "vee"), ("¬", "neg"), ("‖", "|"), ("∥", "|")),
    *(("←", "leftarrow"), ("→", "rightarrow"), ("↔", "leftrightarrow"), ("↑", "uparrow"), ("↓", "downarrow")),
    *(("⇒", "Rightarrow"), ("⇐", "Leftarrow"), ("⇔", "Leftrightarrow"), ("↦", "mapsto"), ("ℓ", "ell")),
    *(("⌈", "lceil"), ("⌉", "rceil"), ("⌊", "lfloor"), ("⌋", "rfloor"), ("⟨", "langle"), ("⟩", "rangle")),
    *(("†", "dagger"), ("‡", "ddagger"), ("★", "star"), ("′", "prime"), ("ε", "varepsilon"), ("ϵ", "epsilon")),
    *(("ϕ", "varphi"), ("ϑ", "vartheta"), ("ς", "varsigma"), ("µ", "mu")),
)
# Greek letters with a command; the others look like Latin letters.
_GREEK = "alpha beta gamma delta zeta eta theta iota kappa lamda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
_CAPITALS = "gamma delta theta lamda xi pi sigma upsilon phi psi omega"
_LIKE_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))
_ACCENTS = dict(
    zip(
        "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327", "`'^~=.u\"rHvdc", strict=False
    )
)


def _commands() -> dict[str, str]:
    """character -> LaTeX of every character with a command of its own."""
    greek = {unicodedata.lookup(f"GREEK SMALL LETTER {name.upper()}"): name for name in _GREEK.split()}
    greek |= {
        unicodedata.lookup(f"GREEK CAPITAL LETTER {name.upper()}"): name.capitalize() for name in _CAPITALS.split()
    }
    signs = {sign: f"$\\{name.replace('amda', 'ambda')}$" for sign, name in (*greek.items(), *_SIGNS)}
    return {**_ASCII, **_PUNCTUATION, **signs, **_LIKE_LATIN, "−": "$-$", "°": r"$^{\circ}$"}


_COMMANDS = _commands()


def latex_escaped(text: str) -> str:
    """text on one line, every character printable; one that pdflatex's fonts lack becomes its code, [U+65E5]."""
    return "".join(map(_character, unicodedata.normalize("NFC", " ".join(text.split()))))


def _character(character: str) -> str:
    if character in _COMMANDS:
        return _COMMANDS[character]
    if character.isascii():
        return character if character.isprintable() else ""
    form = unicodedata.decomposition(character).split()
    parts = [chr(int(code, 16)) for code in form if not code.startswith("<")]
    if len(parts) == 2 and parts[0].isascii() and parts[1] in _ACCENTS:
        letter = {"i": r"\i", "j": r"\j"}.get(parts[0], parts[0])
        return f"\\{_ACCENTS[parts[1]]}{{{letter}}}"
    if len(parts) == 2 and unicodedata.combining(parts[1]):  # an accent that these fonts lack, or a second one
        return _character(parts[0])
    shown = "".join(map(_character, parts))
    if form and form[0] in ("<super>", "<sub>") and "$" not in shown:
        return f"$^{{{shown}}}$" if form[0] == "<super>" else f"$_{{{shown}}}$"
    if form and form[0].startswith("<"):
        return shown
    return "" if unicodedata.category(character).startswith("C") else f"{{[}}U+{ord(character):04X}{{]}}"
