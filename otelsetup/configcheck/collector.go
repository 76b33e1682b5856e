package configcheck

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/internal/suggest"
)

// collector checks a configuration of the OpenTelemetry Collector, or a part of such a
// configuration.
func (c *checker) collector(root *yaml.Node) {
	for _, f := range fields(get(root, "exporters").value) {
		if !exportsTraces(root, f.key.Value) {
			continue
		}
		switch typeOf(f.key) {
		case "otlp", "otlp_grpc":
			c.grpcExporter(f)
		case "otlphttp", "otlp_http":
			c.httpExporter(f)
		}
	}
	if pipelines := get(root, "service", "pipelines"); pipelines.present() {
		c.pipelines(root, pipelines)
	} else if name := otlpExporterOf(root); c.chartDefaults && name != "" {
		c.report(Error, get(root, "exporters").key, "no pipeline uses the exporter "+name+": the chart's own pipelines export to debug", nest("service", "pipelines", "traces", "exporters: ["+name+"]"))
	} else if !c.chartDefaults && has(root, "receivers") && has(root, "exporters") {
		c.report(Error, get(root, "exporters").key, "there is no service.pipelines, so nothing connects the receivers with the exporters",
			nest("service", "pipelines", "traces", "receivers: [otlp]")+"      exporters: [otlp]\n")
	}
	for _, f := range fields(get(root, "receivers").value) {
		if typeOf(f.key) == "otlp" {
			c.otlpReceiver(f)
		}
	}
}

// exportsTraces reports whether an exporter may get traces: either a pipeline for traces names the
// exporter, or no pipeline names it.
func exportsTraces(root *yaml.Node, exporter string) bool {
	other := false
	for _, p := range fields(get(root, "service", "pipelines").value) {
		for _, item := range items(get(p.value, "exporters").value) {
			if text(item) != exporter {
				continue
			}
			if typeOf(p.key) == "traces" {
				return true
			}
			other = true
		}
	}
	return !other
}

// typeOf returns the type of a component of the Collector: its id up to the slash.
func typeOf(key *yaml.Node) string {
	t, _, _ := strings.Cut(key.Value, "/")
	return strings.TrimSpace(t)
}

func isOTLPExporter(t string) bool {
	return t == "otlp" || t == "otlp_grpc" || t == "otlphttp" || t == "otlp_http" || t == "loadbalancing"
}

// otlpReceiver checks a receiver for OTLP. The Collector's receivers listen on localhost since
// version 0.104.
func (c *checker) otlpReceiver(receiver field) {
	protocols := get(receiver.value, "protocols")
	if len(fields(protocols.value)) == 0 {
		if !c.chartDefaults {
			c.report(Error, protocols.at(receiver), "the OTLP receiver has no protocols, so the Collector does not start",
				nest("receivers", receiver.key.Value, "protocols", "grpc", "endpoint: 0.0.0.0:4317"))
		}
		return
	}
	for _, f := range fields(protocols.value) {
		if f.key.Value == "grpc" || f.key.Value == "http" {
			if c.chartDefaults && !has(f.value, "endpoint") {
				continue // the chart has a default
			}
			c.listener(f, "the Collector listens on localhost since version 0.104")
		}
	}
}

// grpcExporter checks an exporter of OTLP over gRPC.
func (c *checker) grpcExporter(exporter field) {
	c.misplacedTLS(exporter)
	endpoint := get(exporter.value, "endpoint")
	raw := text(endpoint.value)
	if raw == "" {
		c.report(Error, endpoint.at(exporter), "this exporter has no endpoint", nest("exporters", exporter.key.Value, "endpoint: tempo-distributor:4317"))
		return
	}
	if strings.Contains(raw, "${") {
		return // the value comes from an environment variable
	}
	address, scheme := redact.URL(raw), ""
	if before, after, found := strings.Cut(address, "://"); found {
		scheme, address = before, after
	}
	address, path, hasPath := strings.Cut(address, "/")
	if hasPath && path != "" {
		c.report(Error, endpoint.key, fmt.Sprintf("gRPC takes no path, and the endpoint ends in /%s: give host and port, or use the exporter otlphttp", path), c.corrected(endpoint, "endpoint: "+shown(withPort(address, "4317"))))
		return
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	if what := wrongPort(port, "grpc"); what != "" {
		c.report(Error, endpoint.key, fmt.Sprintf("port %s is %s; OTLP over gRPC is at 4317", port, what), c.corrected(endpoint, "endpoint: "+shown(strings.Replace(raw, ":"+port, ":4317", 1))))
	}
	c.tls(exporter, endpoint, scheme, host)
}

// tls reports a gRPC exporter that uses TLS with a server in the same cluster: such servers rarely
// use TLS. The scheme http does not turn TLS off; only tls.insecure does.
func (c *checker) tls(exporter, endpoint field, scheme, host string) {
	tls := get(exporter.value, "tls")
	if isTrue(get(tls.value, "insecure").value) || scheme == "https" || anyOf(tls.value, "ca_file", "ca_pem", "cert_file", "insecure_skip_verify", "server_name_override") {
		return
	}
	if scheme != "http" && !isLocalName(host) {
		return
	}
	why := "the exporter speaks TLS unless tls.insecure is true"
	if scheme == "http" {
		why += ", whatever the scheme of the endpoint"
	}
	c.report(Error, endpoint.key, why+", and "+host+" is in the same network, where servers usually take plain text",
		nest("exporters", exporter.key.Value, "endpoint: "+shown(text(endpoint.value)))+"    tls:\n      insecure: true\n")
}

// isLocalName reports whether a host must be in the same cluster, network or machine: a Kubernetes
// service name, a name without dots, or a private address.
func isLocalName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsPrivate() || ip.IsLoopback()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal") ||
		strings.Count(host, ".") == 1 && strings.HasPrefix(host, "tempo") // service.namespace
}

// misplacedTLS reports TLS settings that stand beside the mapping tls, not inside it. The Collector
// refuses them there.
func (c *checker) misplacedTLS(exporter field) {
	for _, key := range []string{"insecure", "insecure_skip_verify", "ca_file"} {
		if f := get(exporter.value, key); f.present() {
			c.report(Error, f.key, key+" is a setting of tls: here the Collector refuses it and does not start",
				nest("exporters", exporter.key.Value, "tls", key+": "+text(f.value)))
		}
	}
}

// httpExporter checks an exporter of OTLP over HTTP.
func (c *checker) httpExporter(exporter field) {
	c.misplacedTLS(exporter)
	endpoint, traces := get(exporter.value, "endpoint"), get(exporter.value, "traces_endpoint")
	if text(endpoint.value) == "" && text(traces.value) == "" {
		c.report(Error, endpoint.at(exporter), "this exporter has no endpoint", nest("exporters", exporter.key.Value, "endpoint: http://tempo-distributor:4318"))
		return
	}
	for _, f := range []field{endpoint, traces} {
		raw := text(f.value)
		if raw == "" || strings.Contains(raw, "${") {
			continue
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			c.report(Error, f.key, "the endpoint of OTLP over HTTP is a URL, with http:// or https://", c.corrected(f, f.key.Value+": "+shown("http://"+raw)))
			continue
		}
		if what := wrongPort(u.Port(), "http"); what != "" {
			fixed := *u
			fixed.Host = u.Hostname() + ":4318"
			c.report(Error, f.key, fmt.Sprintf("port %s is %s; OTLP over HTTP is at 4318", u.Port(), what), c.corrected(f, f.key.Value+": "+shown(fixed.String())))
		}
	}
	if raw := text(endpoint.value); strings.HasSuffix(strings.TrimSuffix(raw, "/"), "/v1/traces") {
		c.report(Error, endpoint.key, "the exporter adds /v1/traces to endpoint itself, so it posts to /v1/traces/v1/traces",
			c.corrected(endpoint, "endpoint: "+shown(strings.TrimSuffix(strings.TrimSuffix(raw, "/"), "/v1/traces"))))
	}
	if raw := text(traces.value); raw != "" && !strings.Contains(raw, "${") {
		if u, err := url.Parse(raw); err == nil && (u.Path == "" || u.Path == "/") {
			c.report(Error, traces.key, "the exporter posts to traces_endpoint as it is, and Tempo receives at /v1/traces", c.corrected(traces, "traces_endpoint: "+shown(strings.TrimSuffix(raw, "/")+"/v1/traces")))
		}
	}
}

// wrongPort returns the usual meaning of a port that people often write in place of the port of the
// protocol, such as "that of Zipkin". It returns "" for other ports.
func wrongPort(port, protocol string) string {
	switch port {
	case "4318":
		if protocol == "grpc" {
			return "that of OTLP over HTTP"
		}
	case "4317":
		if protocol == "http" {
			return "that of OTLP over gRPC"
		}
	case "3100", "3200":
		return "that of Tempo's query API"
	case "9095":
		return "that of Tempo's internal gRPC"
	case "9411":
		return "that of Zipkin"
	case "14250", "14268":
		return "that of Jaeger"
	case "9090":
		return "that of Prometheus"
	case "7946":
		return "that of the gossip between Tempo's components"
	}
	return ""
}

func withPort(address, port string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return address + ":" + port
}

// pipelines checks the pipelines of the Collector.
func (c *checker) pipelines(root *yaml.Node, pipelines field) {
	var traces []field
	for _, p := range fields(pipelines.value) {
		if typeOf(p.key) == "traces" {
			traces = append(traces, p)
		}
	}
	if len(traces) == 0 {
		if !c.chartDefaults {
			c.report(Warning, pipelines.key, "there is no pipeline for traces: this Collector handles other signals alone", nest("service", "pipelines", "traces", "receivers: [otlp]")+"      exporters: [otlp]\n")
		}
		return
	}
	sent := false
	for _, p := range traces {
		for _, section := range []string{"receivers", "processors", "exporters"} {
			c.undefined(root, p, section)
		}
		exports := false
		for _, item := range items(get(p.value, "exporters").value) {
			exports = exports || isOTLPExporter(typeOf(resolve(item)))
		}
		sent = sent || exports
		if exports || feedsGraph(p) {
			c.sampled(p)
		}
	}
	if !sent {
		p := traces[0]
		name := otlpExporterOf(root)
		says := "no pipeline for traces has an exporter of OTLP, so no trace reaches Tempo"
		if name != "" {
			says = fmt.Sprintf("no pipeline for traces uses the exporter %s, so no trace reaches Tempo", name)
		} else {
			name = "otlp"
		}
		at := get(p.value, "exporters")
		c.report(Error, at.at(p), says, nest("service", "pipelines", p.key.Value, "exporters: ["+name+"]"))
	}
}

// otlpExporterOf returns the first exporter of OTLP that a configuration defines.
func otlpExporterOf(root *yaml.Node) string {
	for _, f := range fields(get(root, "exporters").value) {
		if isOTLPExporter(typeOf(f.key)) {
			return f.key.Value
		}
	}
	return ""
}

// undefined reports the components of a pipeline that the configuration does not define.
func (c *checker) undefined(root *yaml.Node, pipeline field, section string) {
	var names []string
	for _, f := range fields(get(root, section).value) {
		names = append(names, f.key.Value)
	}
	if section != "processors" {
		for _, f := range fields(get(root, "connectors").value) {
			names = append(names, f.key.Value)
		}
	}
	if c.chartDefaults || len(names) == 0 && section == "processors" && !has(root, "receivers") {
		return // the chart defines some components
	}
	for _, item := range items(get(pipeline.value, section).value) {
		name := text(item)
		if slices.Contains(names, name) || strings.Contains(name, "${") {
			continue
		}
		c.report(Error, item, fmt.Sprintf("%s is not defined in %s, so the Collector does not start%s", name, section, suggest.DidYouMean(name, names)), "")
	}
}

// feedsGraph reports whether the Collector itself makes a service graph from a pipeline.
func feedsGraph(pipeline field) bool {
	for _, item := range items(get(pipeline.value, "exporters").value) {
		if typeOf(resolve(item)) == "servicegraph" {
			return true
		}
	}
	return false
}

// sampled warns of sampling before the service graph is made.
func (c *checker) sampled(pipeline field) {
	for _, item := range items(get(pipeline.value, "processors").value) {
		if t := typeOf(resolve(item)); t == "tail_sampling" || t == "probabilistic_sampler" {
			c.report(Warning, item, t+" comes before the service graph, so the series count only the traces that are kept",
				"service:\n  pipelines:\n    traces:             # all traces: the graph is made of these\n      receivers: [otlp]\n      exporters: [servicegraph, forward]\n    traces/sampled:\n      receivers: [forward]\n      processors: ["+
					text(item)+"]\n      exporters: ["+firstText(get(pipeline.value, "exporters"), "otlp")+"]\n")
			return
		}
	}
}

// firstText returns the first item of a list, or a default.
func firstText(list field, otherwise string) string {
	for _, item := range items(list.value) {
		return text(item)
	}
	return otherwise
}
