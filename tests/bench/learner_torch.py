"""PyTorch's side of the benchmark `learner`: says what it is in one line of JSON, then trains an epoch for each learning
rate read and answers with a line of JSON.

usage: learner_torch.py mlp|lenet5 FOLDER BATCH SHARED

The folder SHARED holds the initial model (model.safetensors) and, for each epoch, the order of the examples (order).

The data lies in memory as tensors, normalised once; a batch is taken by indexing with a piece of a permutation, which
is faster than a DataLoader. One thread."""
import gzip
import json
import pathlib
import re
import sys
import time

import torch
from torch import nn
from torch.nn import functional

MEAN, DEVIATION = 0.2860, 0.3530


def read(folder, part, images):
    kind, rank = ("images-idx3", 3) if images else ("labels-idx1", 1)
    data = gzip.decompress((pathlib.Path(folder) / f"{part}-{kind}-ubyte.gz").read_bytes())
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(rank)]
    values = torch.frombuffer(bytearray(data[4 + 4 * rank:]), dtype=torch.uint8).reshape(shape)
    return values


def load(folder, part, network):
    images = (read(folder, part, True).float() / 255 - MEAN) / DEVIATION
    images = images.reshape(len(images), -1) if network == "mlp" else images.unsqueeze(1)
    return images.contiguous(), read(folder, part, False).long()


def make(network):
    if network == "mlp":
        return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def blas():
    """The BLAS that is mapped into this process after a matrix product, and its path."""
    torch.mm(torch.ones(64, 64), torch.ones(64, 64))
    maps = pathlib.Path("/proc/self/maps").read_text(encoding="utf-8")
    paths = sorted({found for found in re.findall(r"/\S+", maps)
                    if re.search(r"/lib(open)?blas|/libmkl_rt|/libblis|/libatlas", found)})
    for name, mark in (("OpenBLAS", "openblas"), ("MKL", "mkl"), ("BLIS", "blis"), ("ATLAS", "atlas")):
        for path in paths:
            if mark in path:
                return f"{name} ({path})"
    return f"reference BLAS ({paths[0]})" if paths else "none found"


def load_model(model, path):
    """Our tensors lie in the file in the order of PyTorch's parameters."""
    raw = pathlib.Path(path).read_bytes()
    begin = 8 + int.from_bytes(raw[:8], "little")
    tensors = sorted(json.loads(raw[8:begin]).values(), key=lambda tensor: tensor["data_offsets"])
    with torch.no_grad():
        for parameter, tensor in zip(model.parameters(), tensors, strict=True):
            assert list(parameter.shape) == tensor["shape"]
            first, end = (begin + offset for offset in tensor["data_offsets"])
            parameter.copy_(torch.frombuffer(bytearray(raw[first:end]), dtype=torch.float32).reshape(parameter.shape))


def train(model, optimizer, images, labels, order, batch):
    total = 0.0
    for first in range(0, len(images), batch):
        chosen = order[first:first + batch]
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(model(images[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chosen)
    return total / len(images)


def accuracy(model, images, labels):
    with torch.no_grad():
        right = sum(int((model(images[i:i + 1000]).argmax(1) == labels[i:i + 1000]).sum())
                    for i in range(0, len(images), 1000))
    return right / len(images)


def main():
    network, folder, batch, shared = sys.argv[1], sys.argv[2], int(sys.argv[3]), pathlib.Path(sys.argv[4])
    torch.set_num_threads(1)
    images, labels = load(folder, "train", network)
    test_images, test_labels = load(folder, "t10k", network)
    model = make(network)
    load_model(model, shared / "model.safetensors")
    optimizer = torch.optim.SGD(model.parameters(), lr=1)
    print(json.dumps({"blas": blas(), "pytorch": torch.__version__,
                      "pytorch_onednn": torch.backends.mkldnn.is_available()}), flush=True)
    for line in sys.stdin:
        optimizer.param_groups[0]["lr"] = float(line)
        order = torch.frombuffer(bytearray((shared / "order").read_bytes()), dtype=torch.int32).long()
        begin = time.monotonic()
        loss = train(model, optimizer, images, labels, order, batch)
        seconds = time.monotonic() - begin
        print(json.dumps({"seconds": seconds, "loss": loss,
                          "accuracy": accuracy(model, test_images, test_labels)}), flush=True)


if __name__ == "__main__":
    main()
