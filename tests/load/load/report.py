"""What was seen, as tables."""

PEER = "Sigstore TSA 2.1.3"

HEADS = ("operation", "who", "conns", "ops/s", "CPU µs/op", "ops/CPU-s", "p50 ms", "p99 ms", "RSS MiB", "not good")


def row(seen):
    return (
        seen.operation, seen.who, str(seen.connections), f"{seen.per_second:,.{0 if seen.per_second > 20 else 1}f}", f"{seen.cpu_us:,.0f}",
        f"{seen.per_cpu_second:,.0f}", f"{seen.p50_ms:.2f}", f"{seen.p99_ms:.2f}", f"{seen.resident_mib:.0f}", str(seen.bad),
    )  # fmt: skip


def table(heads, rows):
    rows = [heads, *rows]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(heads))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |" for cells in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def measurements(seen):
    return table(HEADS, [row(each) for each in seen])


def best(seen, operation, ours):
    """The best operations per CPU-second over the numbers of connections: each side gets its best."""
    return max((each.per_cpu_second for each in seen if each.operation == operation and (each.who == "privyseal") == ours), default=None)


def verdict(met):
    return "met" if met else "NOT met"


def bars(seen, idle_mib, walls):
    """The product's bars beside what this run saw. `walls` are the medians of a whole `cosign sign-blob`, by who."""
    rows = []
    for operation in sorted({each.operation for each in seen}):
        ours, peer = best(seen, operation, True), best(seen, operation, False)
        if ours and peer and "log entry" not in operation:
            ratio = ours / peer
            rows.append((f"{operation}, per CPU-second", "≥ 4 × the peer", f"{ratio:.1f} × ({ours:,.0f} : {peer:,.0f})", verdict(ratio >= 4)))
    for each in seen:
        if each.operation == "log entry" and each.who == "privyseal" and each.connections == 64:
            rows.append(("log entry, p99, 64 connections", "< 20 ms", f"{each.p99_ms:.1f} ms", verdict(each.p99_ms < 20)))
    if "privyseal" in walls:
        peer = f", the peers {walls['peers']:.2f} s" if "peers" in walls else ""
        rows.append(("a whole cosign sign-blob", "< 0.2 s", f"{walls['privyseal']:.2f} s{peer}", verdict(walls["privyseal"] < 0.2)))
    rows.append(("resident memory, idle", "< 40 MiB", f"{idle_mib:.0f} MiB", verdict(idle_mib < 40)))
    return table(("bar", "wanted", "seen", ""), rows)


def stamp_bars(seen, signatures, token_signatures, memory):
    """The bars of timestamps beside what this run saw; each side at its best number of connections. Where the key is in a token, what
    the token takes and what is left for us."""

    def cost(operation):
        """What durable records cost where they cost least, each number of connections compared with itself; and that number."""
        rates = {(each.who, each.connections): each.per_cpu_second for each in seen if each.operation == operation}
        counts = sorted({connections for _, connections in rates if ("records off", connections) in rates})
        return min((1 - rates["records durable", count] / rates["records off", count], count) for count in counts)

    def rate(operation, who):
        return max((each.per_cpu_second for each in seen if (each.operation, each.who) == (operation, who)), default=None)

    http = 1e6 / rate("HTTP alone", "floor")
    rows = [("HTTP alone", "", f"{http:.1f} µs of CPU", "")]
    for kind, share in (("P-256", 0.7), ("P-384", 0.8)):
        operation = f"timestamp {kind}"
        off, durable, peer = (rate(operation, who) for who in ("records off", "records durable", PEER))
        if not off:
            continue
        floor = 1e6 / (signatures[kind] + http)
        seen_share = off / floor
        rows.append((f"{operation}: signature alone", "", f"{signatures[kind]:.1f} µs of CPU", ""))
        rows.append((f"{operation}, records off, of signature and HTTP floor", f"≥ {share:.0%}", f"{seen_share:.0%}", verdict(seen_share >= share)))
        share, count = cost(operation)
        rows.append((f"{operation}, durable records cost", "< 30 %", f"{share:.0%}, at {count} connections", verdict(share < 0.3)))
        if peer:
            for who, ours, factor in (("records off", off, 5), ("records durable", durable, 4)):
                ratio = ours / peer
                rows.append((f"{operation}, {who}, per CPU-second", f"≥ {factor} × the peer", f"{ratio:.1f} ×", verdict(ratio >= factor)))
            fresh = f"{operation}, new TLS connection"
            ratio = rate(fresh, "records durable") / rate(fresh, PEER)
            rows.append((f"{fresh}, per CPU-second", "≥ 2 × the peer", f"{ratio:.1f} ×", verdict(ratio >= 2)))
    for kind, alone in token_signatures.items():
        operation = f"timestamp {kind} in SoftHSM"
        rows.append((f"{operation}: its signature alone", "", f"{alone:.0f} µs of CPU", ""))
        for who in ("records off", "records durable"):
            whole = 1e6 / rate(operation, who)
            rows.append((f"{operation}, {who}", "", f"{whole:.0f} µs of CPU, {whole - alone:.0f} of them not SoftHSM's", ""))
    if len(memory) > 3:
        # The first stretch fills caches and buffers; after it nothing may grow.
        (first, before), (last, after) = memory[2], memory[-1]
        text = f"{before:.0f} MiB after {first:,}, {after:.0f} MiB after {last:,}"
        rows.append(("resident memory", "flat", text, verdict(after - before < 3)))
    return table(("bar", "wanted", "seen", ""), rows)
