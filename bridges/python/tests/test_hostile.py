"""Headers may claim anything: an error each time, and the process lives."""

import os
import pathlib
import random
import resource
import subprocess
import sys

import forge
import numpy as np
import pytest
import slipring

PLAIN = "Trade 32\nts u64 0 8\nrest [u8;24] 8 24\n"

SCHEMAS = [
    "",
    "\n",
    "nonsense",
    "Trade 32\n",
    "Trade 32\nts u64 0 8\n",
    "Trade 40\nts u64 0 8\nrest [u8;32] 8 32\n",
    "Trade 24\nts u64 0 8\nrest [u8;16] 8 16\n",
    "Trade 1000000\nts u64 0 8\nrest [u8;999992] 8 999992\n",
    "Trade 32\nts u64 0 8\nrest [u8;1000000000000000000] 8 24\n",
    "Trade 32\nts u64 0 8\nrest [u8;1000000000000000000] 8 1000000000000000000\n",
    "Trade 32\nts u64 0 8\nrest [[[u8;1000000];1000000];1000000] 8 24\n",
    "Trade 32\nts u64 0 8\nrest " + "[" * 500 + "u8" + ";1]" * 500 + " 8 24\n",
    "Trade 32\nts u64 0 8\nrest " + "[" * 1500 + " 8 24\n",
    "Trade 32\nts u64 0 4\nrest [u8;24] 8 24\n",
    "Trade 32\nts u9 0 8\nrest [u8;24] 8 24\n",
    "Trade 32\nts u64 0 8\nts u64 8 8\nrest [u8;16] 16 16\n",
    "Trade 32\nts u64 0 8\n u64 8 8\nrest [u8;16] 16 16\n",
    "Trade 32\na.b u64 0 8\na/b u64 8 8\nrest [u8;16] 16 16\n",
    "Trade 32\nts u64 0 8\nAdd u32=1 8 4\nAdd/x u32 12 4\nrest [u8;16] 16 16\n",
    "Trade 32\ntag u64 0 8\nAdd u64=99999999999999999999999 0 8\nAdd/x [u8;24] 8 24\n",
    "Trade 32\nts u64 0 8\nrest [u8;٢٤] 8 24\n",
    "Trade 32\nts [[u8;2];2] 0 4\nAdd u32=1 0 4\nAdd/x u32 4 4\nrest [u8;24] 8 24\n",
    "Trade 32\nts u64 0 8\nrest [u8;0] 8 0\nmore [u8;24] 8 24\n",
    "Trade 32\tx=%zz\nts u64 0 8\ttime=fortnight\tdecimal=99\tenum=:,a,b:x,c:1:2,:::\ttext\tbool\nrest [u8;24] 8 24\n",
    "Trade 32\nts u64 0 8\tdecimal=" + "9" * 300 + "\tenum=a:" + "9" * 300 + "\nrest [u8;24] 8 24\n",
    "Trade 32\nts u64 0 8\tenum=a:-5,b:18446744073709551615\nrest [u8;24] 8 24\tdecimal=3\ttime=ns\n",
    "Trade 32\nts u64 0 8\ttext\ttime=ns\tbool\trest\nrest [u8;24] 8 24\tbool\n",
    "Trade 32\nts f64 0 8\ttime=ns\tdecimal=2\tenum=a:1\nrest [f64;3] 8 24\tdecimal=2\ttime=s\n",
]


def everything(path):
    """Does all that can be done to a journal; counts the errors."""
    refused = 0
    steps = [
        lambda: slipring.open(path).read(),
        lambda: slipring.open(path).read(fields=["ts"]),
        lambda: [array.tobytes() for array in slipring.open(path).view(tail=True)],
        lambda: slipring.open(path).view(verify=True),
        lambda: list(slipring.open(path).follow(from_sequence=0, timeout=0)),
        lambda: slipring.open(path).segments,
        lambda: slipring.verify(path),
        lambda: str(slipring.open(path).schema),
    ]
    try:
        import pyarrow
    except ImportError:
        pass
    else:
        assert pyarrow
        steps.append(lambda: slipring.open(path).to_arrow().validate(full=True))
    for step in steps:
        try:
            step()
        except (slipring.JournalError, MemoryError) as error:
            assert str(error) and "panicked" not in str(error), error
            refused += 1
    return refused


def test_a_forged_header_is_read_as_it_says(made):
    path = made(250)
    forge.schema(path, PLAIN)
    assert everything(path) == 0
    assert slipring.open(path).read()["rest"].shape == (250, 24)


@pytest.mark.parametrize("text", SCHEMAS)
def test_a_schema_may_say_anything(made, text):
    path = made(250)
    forge.schema(path, text)
    everything(path)


def test_very_many_fields_are_read(tmp_path):
    fields = [slipring.Field(f"f{n:05}", "u8", n, 1) for n in range(12_000)]
    with slipring.create(tmp_path / "j", slipring.Schema("Wide", 12_000, tuple(fields)), segment_records=10) as writer:
        writer.append(np.zeros(3, writer.dtype), times=1)
    assert everything(tmp_path / "j") == 1, "there is no field ts"


@pytest.mark.parametrize("offset, form", [(40, "<Q"), (48, "<I"), (52, "<I"), (56, "<I"), (60, "<I"), (72, "<I")])
@pytest.mark.parametrize("value", [0, 1, 8, 24, 4096, 2**31 - 1, 2**32 - 8, 2**63, 2**64 - 1])
def test_numbers_in_a_header_may_be_anything(made, offset, form, value):
    path = made(120)
    forge.word(path, offset, value & (2**32 - 1) if form == "<I" else value, form)
    everything(path)


def test_bytes_may_be_anything(made):
    path, chance = made(120), random.Random(7)
    files = [file for file in pathlib.Path(path).iterdir() if file.is_file()]
    whole = {file: file.read_bytes() for file in files}
    refused = 0
    for _ in range(150):
        file = chance.choice(files)
        data = bytearray(whole[file])
        for _ in range(chance.choice([1, 4, 64])):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        file.write_bytes(bytes(data[: chance.choice([len(data), chance.randrange(len(data) + 1)])]))
        refused += everything(path) > 0
        file.write_bytes(whole[file])
    assert refused > 0 and everything(path) == 0


def test_names_that_are_no_plain_files(made, tmp_path):
    path = pathlib.Path(made(250))
    segment = path / "00000000000000000100.seg"
    kept = segment.rename(tmp_path / "kept")
    segment.symlink_to(kept)
    assert everything(str(path)) > 0
    segment.unlink()
    os.mkfifo(segment)
    assert everything(str(path)) > 0


def test_a_claim_of_very_many_records_takes_no_memory(made):
    """What is read is what verifies, however long a file with a hole is."""
    script = """
import sys, slipring
journal = slipring.open(sys.argv[1])
journal.range = lambda *_, **__: range(0, int(sys.argv[2]))
try:
    journal.read()
except (MemoryError, slipring.JournalError) as error:
    print(type(error).__name__)
"""
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    for count in [10**7, 10**12, 10**18, 2**63 - 1]:
        done = subprocess.run(
            [sys.executable, "-c", script, made(120, name=str(count)), str(count)],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=limit,
        )
        assert done.stdout.strip() == ("OutOfRange" if count == 10**7 else "MemoryError"), done.stderr
        assert done.returncode == 0


@pytest.mark.parametrize(
    "row_bytes, pieces",
    [(0, []), (25, []), (24, [(0, 24, 1)]), (32, [(0, 0, 8)]), (32, [(2**63, 24, 2**63)]), (1 << 40, []),
     (32, [(1000, 24, 8)]), (32, [(0, 2**64 - 1, 1)])],
)  # fmt: skip
def test_rows_that_can_not_be_are_refused(made, row_bytes, pieces):
    journal = slipring.open(made(3))
    with pytest.raises((slipring.JournalError, OverflowError)):
        journal._reader.read(0, 3, np.zeros(24, "u8"), row_bytes, pieces)


def test_rows_that_do_not_suffice_are_refused(made):
    journal = slipring.open(made(3))
    for words in [np.zeros(8, "u8"), np.zeros(0, "u8"), np.zeros(40, "u8")[::2], np.zeros((3, 3), "u8"), np.zeros(9)]:
        with pytest.raises((slipring.JournalError, TypeError, ValueError)):
            journal._reader.read(0, 3, words, 24, [])
    fixed = np.zeros(9, "u8")
    fixed.flags.writeable = False
    with pytest.raises((slipring.JournalError, TypeError)):
        journal._reader.read(0, 3, fixed, 24, [])
