package configcheck

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/internal/suggest"
)

// Sources of the facts here: Tempo's configuration reference, the release notes of Tempo 2.7
// (receivers listen on localhost) and of Tempo 3.0 (flat overrides are refused).

const serviceGraphs = "service-graphs"

// tempo checks a configuration of Tempo.
func (c *checker) tempo(root *yaml.Node) {
	around := field{key: root, value: root}
	c.snakeCase(root)
	generator, camel := get(root, "metrics_generator"), get(root, "metricsGenerator")
	state, processors := c.overrides(get(root, "overrides"))
	switch {
	case generator.present():
		c.generator(generator, around)
		if state == absent {
			c.report(Error, generator.key, "no processor of the metrics-generator is on, so it writes no series",
				nest("overrides", "defaults", "metrics_generator", "processors: [service-graphs, span-metrics]"))
		}
	case state == on && !camel.present():
		c.report(Error, processors.key, "the processor service-graphs is on, but metrics_generator is not configured, so the series are written nowhere",
			nest("metrics_generator", "storage", "path: /var/tempo/generator/wal")+
				"    remote_write:\n      - url: http://prometheus:9090/api/v1/write\n")
	}
	if state == on && generator.present() {
		c.processLine = c.offset + processors.key.Line
	}
	// A container can run a single component of Tempo, whose configuration has no receivers.
	if receivers := get(root, "distributor", "receivers"); receivers.present() || !c.inContainer && has(root, "distributor") {
		c.receivers(receivers, get(root, "distributor"))
	}
}

// generator checks the section metrics_generator of Tempo's configuration.
func (c *checker) generator(generator, around field) {
	storage := get(generator.value, "storage")
	c.remoteWrite(get(storage.value, "remote_write"), generator, []string{"metrics_generator", "storage"})
	if label := get(generator.value, "processor", "service_graphs", "enable_virtual_node_label"); isTrue(label.value) {
		c.report(Warning, label.key, "with enable_virtual_node_label, Tempo up to 3.0 recreates the processor every ten seconds and loses the calls that wait for their other half",
			c.corrected(label, "enable_virtual_node_label: false"))
	}
}

// remoteWrite checks where the metrics-generator writes its series. path leads to the mapping that
// has, or lacks, the key remote_write: the finding shows it in the lines to add.
func (c *checker) remoteWrite(list, around field, path []string) {
	const example = "remote_write:\n%[1]s  - url: http://prometheus:9090/api/v1/write\n"
	if len(items(list.value)) == 0 {
		indent := strings.Repeat("  ", len(path))
		c.report(Error, list.at(around), "the metrics-generator has no remote_write, so its series reach no Prometheus",
			nest(path...)[:len(nest(path...))-1]+":\n"+indent+fmt.Sprintf(example, indent))
		return
	}
	for _, item := range items(list.value) {
		u := get(item, "url")
		if text(u.value) == "" {
			c.report(Error, firstNode(u.key, resolve(item), list.key), "this remote_write has no url", "- url: http://prometheus:9090/api/v1/write")
			continue
		}
		c.writeURL(u)
	}
}

// writePaths are the ends of the paths of remote-write endpoints: those of Prometheus,
// VictoriaMetrics (also with a tenant in the path), Mimir, Cortex, Grafana Cloud, Thanos and
// Chronosphere.
var writePaths = []string{"/api/v1/write", "/api/v1/push", "/api/prom/push", "/api/v1/receive", "/prometheus/api/v1/write", "/remote_write", "/prometheus", "/prom/push", "/api/v1/prom/write"}

// writeURL checks the URL of a remote-write endpoint.
func (c *checker) writeURL(f field) {
	raw := text(f.value)
	if strings.ContainsAny(raw, "$") {
		return // of an environment variable
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		c.report(Error, f.key, fmt.Sprintf("%q is no URL for remote write: it needs a scheme and a host", redact.URL(raw)), c.corrected(f, f.key.Value+": http://prometheus:9090/api/v1/write"))
		return
	}
	for _, end := range writePaths {
		if strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), end) {
			return
		}
	}
	severity, says := Warning, "is not the path of a remote-write endpoint that this check knows: Prometheus receives at /api/v1/write, and Mimir at /api/v1/push"
	if p := strings.TrimSuffix(u.Path, "/"); p == "" || p == "/api/v1" || strings.HasSuffix(p, "/query") || strings.HasSuffix(p, "/metrics") || strings.Contains(p, "/write") || strings.HasSuffix(p, "/push") {
		severity, says = Error, "is no path of a remote-write endpoint: Prometheus receives at /api/v1/write, and Mimir at /api/v1/push"
	}
	path := u.Path
	if path == "" {
		path = "the empty path"
	}
	u.Path, u.RawPath = "/api/v1/write", ""
	c.report(severity, f.key, path+" "+says, c.corrected(f, f.key.Value+": "+shown(u.String())))
}

// receivers checks the OTLP receivers of Tempo's distributor.
func (c *checker) receivers(receivers, around field) {
	const example = "distributor:\n  receivers:\n    otlp:\n      protocols:\n        grpc:\n          endpoint: 0.0.0.0:4317\n        http:\n          endpoint: 0.0.0.0:4318\n"
	protocols := get(receivers.value, "otlp", "protocols")
	if len(fields(protocols.value)) == 0 {
		c.report(Error, firstNode(protocols.key, get(receivers.value, "otlp").key, receivers.key, around.key), "the distributor has no OTLP receiver, so it takes no OTLP", example)
		return
	}
	for _, f := range fields(protocols.value) {
		if f.key.Value == "grpc" || f.key.Value == "http" {
			c.listener(f, "Tempo 2.7 and later listen on localhost")
		}
	}
}

// listener checks the address at which a receiver for OTLP listens.
func (c *checker) listener(protocol field, byDefault string) {
	port := map[string]string{"grpc": "4317", "http": "4318"}[protocol.key.Value]
	endpoint := get(protocol.value, "endpoint")
	fix := protocol.key.Value + ":\n  endpoint: 0.0.0.0:" + port
	severity := Warning
	if c.inContainer {
		severity = Error
	}
	if !endpoint.present() {
		c.report(severity, protocol.key, "the receiver has no endpoint, and without one "+byDefault+": no other container or machine reaches it", fix)
		return
	}
	host, _, err := net.SplitHostPort(text(endpoint.value))
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		c.report(severity, endpoint.key, "the receiver listens on "+host+": no other container or machine reaches it", fix)
	}
}

// snakeKeys maps the spelling of a key in the charts, which people write by mistake, to the
// spelling of Tempo's own configuration.
var snakeKeys = map[string]string{
	"metricsGenerator": "metrics_generator", "queryFrontend": "query_frontend", "remoteWrite": "remote_write", "serviceGraphs": "service_graphs", "spanMetrics": "span_metrics",
	"perTenantOverrideConfig": "per_tenant_override_config", "liveStore": "live_store", "blockBuilder": "block_builder", "peerAttributes": "peer_attributes",
	"histogramBuckets": "histogram_buckets", "maxItems": "max_items", "enableClientServerPrefix": "enable_client_server_prefix",
}

// snakeCase reports keys of Tempo's own configuration that are written in camelCase. It also
// reports a section with the settings of a processor that has the name of the processor: the name
// of such a section has underscores.
func (c *checker) snakeCase(n *yaml.Node) {
	walk(n, func(f field) {
		if right := snakeKeys[f.key.Value]; right != "" {
			c.report(Error, f.key, fmt.Sprintf("Tempo's own configuration has %s; %s is a spelling of the charts, and Tempo refuses or ignores it", right, f.key.Value), c.renamed(f.key, right))
		}
		if f.key.Value != "processor" {
			return
		}
		for _, p := range fields(f.value) {
			if right := strings.ReplaceAll(p.key.Value, "-", "_"); right != p.key.Value {
				c.report(Error, p.key, fmt.Sprintf("the settings of the processor %s are in the section %s", p.key.Value, right), c.renamed(p.key, right))
			}
		}
	})
}

// processorNames are the processors of the metrics-generator, in Tempo 2.9 to 3.0.
var processorNames = []string{
	serviceGraphs, "span-metrics", "span-metrics-count", "span-metrics-latency", "span-metrics-size", "local-blocks", "host-info",
	"service-graphs-request", "service-graphs-latency", "service-graphs-connection-info",
}

// processors checks whether a list of processors includes service-graphs.
func (c *checker) processors(list field) state {
	if isMapping(list.value) { // Tempo reads a mapping as well
		if has(list.value, serviceGraphs) {
			return on
		}
	}
	found := absent
	for _, item := range items(list.value) {
		name := text(item)
		switch {
		case name == serviceGraphs || strings.HasPrefix(name, serviceGraphs+"-"):
			found = on
		case !slices.Contains(processorNames, name):
			right := strings.ReplaceAll(name, "_", "-")
			if !slices.Contains(processorNames, right) {
				right = cmp.Or(suggest.Nearest(name, processorNames), serviceGraphs)
			}
			if right == serviceGraphs {
				found = max(found, reported)
			}
			c.report(Error, item, fmt.Sprintf("Tempo has no processor %q", name), "- "+right)
		}
	}
	if found == absent {
		c.report(Error, list.key, "the processor service-graphs is not in this list, so Tempo writes no series of the service graph", c.corrected(list, list.key.Value+": [service-graphs, span-metrics]"))
		return reported
	}
	return found
}

// corrected returns a corrected line with the indentation of a field.
func (c *checker) corrected(f field, line string) string {
	i := c.offset + f.key.Line - 1
	if i < 0 || i >= len(c.lines) {
		return line
	}
	old := c.lines[i]
	indent := old[:len(old)-len(strings.TrimLeft(old, " "))]
	if strings.HasPrefix(strings.TrimLeft(old, " "), "- ") {
		indent += "- "
	}
	return indent + line
}

// shown returns a URL with xxxxx in place of its password: findings often end up in logs.
func shown(raw string) string {
	if !strings.Contains(raw, "@") {
		return raw
	}
	if u, err := url.Parse(raw); err == nil {
		return u.Redacted()
	}
	return redact.URL(raw)
}

// firstNode returns the first node that is not nil.
func firstNode(nodes ...*yaml.Node) *yaml.Node {
	for _, n := range nodes {
		if n != nil {
			return n
		}
	}
	return nil
}
