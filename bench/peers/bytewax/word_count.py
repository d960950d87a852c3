"""What bench/pipelines/word-count-file.ts does, as a Bytewax program: words of a file, a row per word, with its count so far."""

import bytewax.operators as op
from bytewax.connectors.files import FileSource
from bytewax.connectors.stdio import StdOutSink
from bytewax.dataflow import Dataflow


def count(total, _word):
    total = 1 if total is None else total + 1
    return total, total


def get_flow(path):
    flow = Dataflow("word-count")
    lines = op.input("lines", flow, FileSource(path, batch_size=1000))
    words = op.flat_map("split", lines, lambda line: line.split(" "))
    keyed = op.key_on("by-word", words, lambda word: word)
    rows = op.stateful_map("count", keyed, count)
    marks = op.filter("marks", rows, lambda row: row[0].startswith("mark-"))
    op.output("out", op.map("text", marks, lambda row: row[0]), StdOutSink())
    return flow
