"""Words that titles, messages and bodies are made of. All of it is invented."""

from __future__ import annotations

TYPES = {"fix": 30, "feat": 22, "docs": 12, "refactor": 10, "test": 9, "chore": 8, "perf": 5, "ci": 4}

SCOPES: dict[str, tuple[str, ...]] = {
    "tidegauge": ("reader", "cli", "serial", "datum", "archive", "alerts", "clock", "export"),
    "saltmap": ("tiles", "legend", "isohaline", "import", "palette", "api", "cache", "offline"),
    "estuary-notes": ("chapter-1", "chapter-4", "glossary", "figures", "index", "style", "appendix"),
    "ferry-timetable": ("timetable", "winter", "piers"),
}

CHANGES: dict[str, tuple[str, ...]] = {
    "fix": ("handle", "do not drop", "stop guessing", "correct", "accept", "guard against", "close"),
    "feat": ("add", "support", "show", "export", "allow", "learn to read"),
    "docs": ("describe", "explain", "correct the page on", "add an example of", "reword"),
    "refactor": ("split", "move", "rename", "simplify", "inline", "untangle"),
    "test": ("cover", "add a case for", "pin", "reproduce", "speed up the tests of"),
    "chore": ("update", "drop", "tidy", "sort", "refresh"),
    "perf": ("cache", "read in one pass", "avoid copying", "batch", "index"),
    "ci": ("run", "cache", "pin", "split the job for", "retry"),
}

THINGS = (
    "empty station lists",
    "the datum offset",
    "readings taken at slack water",
    "leap seconds",
    "the harmonic constants",
    "stations without a name",
    "negative heights",
    "the low-water mark",
    "duplicate telegrams",
    "salinity above 40 PSU",
    "gaps longer than a day",
    "the winter time change",
    "tiles at the map's edge",
    "the colour scale",
    "isohalines that cross land",
    "half-hour time zones",
    "sensor drift",
    "the retry loop",
    "quoted station codes",
    "CSV files with a byte-order mark",
    "the serial port's timeout",
    "out-of-order samples",
    "the spring-neap cycle",
    "brackish inflow",
    "the sluice gate table",
    "very long file names",
    "the pier index",
    "the chart datum glossary",
    "figure captions",
    "the moored buoy format",
    "a truncated header",
    "the prediction window",
)

CONDITIONS = (
    "",
    "",
    "",
    " when the clock jumps",
    " on 32-bit boards",
    " behind a proxy",
    " after a restart",
    " for river stations",
    " in offline mode",
    " at midnight UTC",
    " without a network",
    " if the archive is read-only",
)

COMPLAINTS = (
    "{thing} are wrong{condition}",
    "Crash on {thing}{condition}",
    "How do I set up {thing}?",
    "Please support {thing}",
    "Wrong result for {thing}{condition}",
    "{thing}: unclear error message",
    "Regression in {version}: {thing}{condition}",
    "Document {thing}",
    "Slow with {thing}{condition}",
    "Proposal: a better way to handle {thing}",
)

SENTENCES = (
    "This showed up while we were reading {thing}{condition}.",
    "The old code assumed that {thing} never change, which does not hold{condition}.",
    "I expected the same heights as in version {version}, but they differ by about {number} cm.",
    "It happens every time with {number} stations or more.",
    "There is a smaller example in the archive of the {place} gauge.",
    "The value was rounded twice; now it is rounded once, at the end.",
    "Nothing else depends on it, as far as I can see.",
    "A workaround is to restart the reader once a day.",
    "Before: {number} ms for each tile. After: {other} ms.",
    "Reported by the harbour office at {place}.",
    "Thanks to everybody who looked at {thing} with me.",
    "The tests cover {thing}{condition} as well.",
    "I can open a pull request if this is wanted.",
    "Not urgent, but it would save us {number} minutes a week.",
)

PLACES = (
    "Nordfleet",
    "Saltholme Sound",
    "Brackmouth",
    "Ostersiel",
    "Kelp Bay",
    "Ría Serena",
    "Fjærevik",
    "Lagunabella",
)

FOREIGN = (
    "Lesefehler bei übergroßen Pegelständen (Ä, Ö, Ü, ß)",
    "Données manquantes à l'étale de basse mer",
    "潮位の単位が間違っています",
    "盐度图例在深色模式下不可读 🌊",
    "Не читается файл с отрицательной высотой прилива",
    "خطأ في قراءة ارتفاع المد عند منتصف الليل",
    "שגיאה בתחזית הגאות בחורף",
    "Vitesse ≥ 3 nœuds : échelle incorrecte",
    "ज्वार तालिका में समय गलत है",
    "🧂 legend overlaps 🗺️ on 📱 screens 👩🏽‍🔬",
    "Błąd przy długich nazwach: „Pogłębiarka Żółwia”",
    "Θερμοκρασία νερού: λάθος μονάδα",
    "조위 관측소 이름이 깨져 보임",
)

LOG = (
    "reader: opened /dev/ttyTIDE{number}",
    "reader: {number} samples in {other} ms",
    "WARN datum: offset {number} is larger than expected",
    "ERROR archive: short read, wanted {number} bytes, got {other}",
    "map: wrote tile 7/{number}/{other}.png",
)

LABELS = (
    ("bug", "d73a4a", "Something is not working"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("question", "d876e3", "Further information is requested"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", None),
    ("area: reader", "c5def5", None),
    ("area: map", "bfd4f2", None),
    ("priority/high", "b60205", "Do this first"),
    ("priority/low", "0e8a16", None),
    ("dependencies", "0366d6", "Updates of a dependency"),
    ("needs reproduction", "fbca04", ""),
    ("wontfix", "ffffff", "This will not be worked on"),
    ("größer 🌊", "1d76db", "A label with more than ASCII in it"),
)

PACKAGES = ("harbourlib", "pytide-core", "saltpalette", "mooring", "gangway", "bilge-http", "fathom-types")

ISSUE_LABELS = {"bug": 34, "enhancement": 22, "documentation": 10, "question": 12, "good first issue": 5,
    "help wanted": 6, "area: reader": 14, "area: map": 12, "priority/high": 5, "priority/low": 6,
    "needs reproduction": 7, "größer 🌊": 2}  # fmt: skip
