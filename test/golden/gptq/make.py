"""Golden vectors of GPTQ, from the paper's algorithm in numpy with float64 (arXiv 2210.17323; group rules as in its code).

    python -m pip install numpy safetensors
    python make.py

Each file: `weight` [out, in] and `hessian` [in, in] as the kernel gets them (float32), and what must come out: `codes`
[out, in], `scales` and `zeros` [groups, out], `g_idx` [in]. One rule is Lathe's: a scale is rounded to float16 before the
codes are chosen, because float16 is what every file stores.
"""

import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
LAZY_BLOCK = 128


def find_params(w, bits, sym, mse, signed=False):
    """Scale and zero of each row of a group; `mse` > 0 is the exponent of the shrinking search."""
    if signed:
        return find_signed(w, bits)
    top = 2**bits - 1
    low, high = np.minimum(w.min(1), 0), np.maximum(w.max(1), 0)
    if sym:
        high = np.maximum(np.abs(low), high)
        low = -high
    both_zero = (low == 0) & (high == 0)
    low, high = np.where(both_zero, -1.0, low), np.where(both_zero, 1.0, high)

    def grid(low, high):
        scale = ((high - low) / top).astype(np.float16).astype(np.float64)
        zero = np.full_like(scale, (top + 1) / 2) if sym else np.rint(-low / scale)
        return scale, zero

    scale, zero = grid(low, high)
    if mse > 0:
        best = np.full(w.shape[0], np.inf)
        for step in range(80):
            shrink = 1 - step / 100
            s, z = grid(shrink * low, shrink * high)
            q = np.clip(np.rint(w / s[:, None]) + z[:, None], 0, top)
            error = (np.abs(s[:, None] * (q - z[:, None]) - w) ** mse).sum(1)
            better = error < best
            best, scale, zero = np.where(better, error, best), np.where(better, s, scale), np.where(better, z, zero)
    return scale, zero


def find_signed(w, bits):
    """The scale of either sign with the least squared error: 60 shares of the largest weight, 1.15 down to 0.56."""
    half = 2 ** (bits - 1)
    largest = np.abs(w).max(1)
    largest = np.where(largest == 0, 1.0, largest)
    best, scale = np.full(w.shape[0], np.inf), np.zeros(w.shape[0])
    for sign in (1, -1):
        for step in range(60):
            s = sign * (largest / half * (1.15 - step / 100)).astype(np.float16).astype(np.float64)
            q = np.clip(np.rint(w / s[:, None]) + half, 0, 2 * half - 1)
            error = ((s[:, None] * (q - half) - w) ** 2).sum(1)
            better = error < best
            best, scale = np.where(better, error, best), np.where(better, s, scale)
    return scale, np.full_like(scale, half)


def gptq(weight, hessian, bits, group, sym, act_order, static, damp, mse, signed):
    w, h = weight.astype(np.float64).copy(), hessian.astype(np.float64).copy()
    n_out, n_in = w.shape
    width = n_in if group == -1 else group
    groups = -(-n_in // width)
    scales, zeros = np.zeros((groups, n_out)), np.zeros((groups, n_out))
    whole = find_params(w, bits, sym, mse, signed) if group == -1 else None
    dead = np.diag(h) == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    fixed = [find_params(w[:, g * width : (g + 1) * width], bits, sym, mse, signed) for g in range(groups)] if static and group != -1 else None
    order = np.argsort(-np.diag(h), kind="stable") if act_order else np.arange(n_in)
    w, h = w[:, order], h[order][:, order]
    h[np.diag_indices(n_in)] += damp * np.diag(h).mean()
    upper = np.linalg.cholesky(np.linalg.inv(h)).T
    codes, g_idx, top = np.zeros((n_out, n_in)), np.zeros(n_in, np.int32), 2**bits - 1
    for start in range(0, n_in, LAZY_BLOCK):
        end = min(start + LAZY_BLOCK, n_in)
        w1, errors = w[:, start:end].copy(), np.zeros((n_out, end - start))
        for i in range(end - start):
            column = start + i
            if group == -1:
                g, (scale, zero) = 0, whole
            elif static:
                g = order[column] // width
                scale, zero = fixed[g]
            else:
                g = column // width
                # The parameters see the lazy updates of earlier blocks, but not the feedback within this one.
                if column % width == 0:
                    current = find_params(w[:, column : column + width], bits, sym, mse, signed)
                scale, zero = current
            scales[g], zeros[g], g_idx[column] = scale, zero, g
            q = np.clip(np.rint(w1[:, i] / scale) + zero, 0, top)
            codes[:, column] = q
            error = (w1[:, i] - scale * (q - zero)) / upper[column, column]
            w1[:, i:] -= np.outer(error, upper[column, column:end])
            errors[:, i] = error
        w[:, end:] -= errors @ upper[start:end, end:]
    back = np.argsort(order)
    return codes[:, back].astype(np.uint8), scales, zeros, g_idx[back]


def case(name, seed, n_out, n_in, tokens, dead=(), **options):
    random = np.random.default_rng(seed)
    weight = (random.standard_normal((n_out, n_in)) * random.uniform(0.5, 2, (1, n_in))).astype(np.float32)
    mix = random.standard_normal((n_in, n_in)) / np.sqrt(n_in)
    x = random.standard_normal((tokens, n_in)) @ (np.eye(n_in) + mix) * random.uniform(0.3, 3, n_in)
    x[:, list(dead)] = 0
    hessian = (2 * x.T @ x / tokens).astype(np.float32)
    settings = {"bits": 4, "group": 32, "sym": True, "act_order": False, "static": False, "damp": 0.01, "mse": 0.0, "signed": False, **options}
    codes, scales, zeros, g_idx = gptq(weight, hessian, **settings)
    path = HERE / f"{name}.safetensors"
    tensors = {"weight": weight, "hessian": hessian, "codes": codes, "scales": scales.astype(np.float16), "zeros": zeros.astype(np.int32), "g_idx": g_idx}
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, path, {"settings": json.dumps(settings)})
    path.chmod(0o644)


case("sym-4-g32", 1, 24, 96, 400)
case("asym-4-g32", 2, 24, 96, 400, sym=False)
case("sym-4-act-order", 3, 16, 128, 500, act_order=True)
case("sym-4-act-order-static", 4, 16, 128, 500, act_order=True, static=True)
case("sym-4-whole-row", 5, 16, 96, 400, group=-1)
case("sym-4-g64-two-blocks", 6, 12, 192, 600, group=64)
case("sym-2-g32", 7, 16, 64, 300, bits=2)
case("asym-3-g32", 8, 16, 64, 300, bits=3, sym=False)
case("sym-8-g128", 9, 12, 128, 400, bits=8, group=128)
case("asym-4-mse", 10, 12, 64, 300, sym=False, mse=2.4)
case("sym-4-signed", 13, 16, 96, 400, signed=True)
case("sym-4-dead-columns", 11, 12, 64, 300, dead=(3, 40))
# Fewer tokens than inputs: the Hessian has no full rank, and damping alone makes it invertible.
case("sym-4-rank-deficient", 12, 12, 96, 40, damp=0.05)
