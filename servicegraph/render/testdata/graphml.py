# This script reads GraphML from standard input with NetworkX, and writes the graph as
# JSON.
import io, json, sys
import networkx

graph = networkx.read_graphml(io.BytesIO(sys.stdin.buffer.read()), force_multigraph=True)
json.dump({
    "directed": graph.is_directed(),
    "nodes": [{"id": id, "data": data} for id, data in graph.nodes(data=True)],
    "edges": [{"from": u, "to": v, "data": data} for u, v, data in graph.edges(data=True)],
}, sys.stdout)
