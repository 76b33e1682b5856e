package helmtest

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/internal/collectortest"
	"github.com/tempograph/tempograph/otelsetup/configcheck"
)

// ofServers are the parts of the values that are configuration of the servers themselves. The
// charts do not list the keys of these parts. In TestTempoAcceptsRendered and
// TestCollectorAcceptsRendered, the servers check them.
var ofServers = []string{"config", "overrides", "metricsGenerator.config", "ingest"}

// TestValuesAreKnown checks that each chart knows every key of its values file, with a value of the
// same type. Helm ignores a key that a chart does not know.
func TestValuesAreKnown(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(deploy, "helm/*.yaml"))
	if list := installs(t); err != nil || len(files) != len(list) {
		t.Fatalf("%d files of values, and the README installs %d charts: %v", len(files), len(list), err)
	}
	for _, i := range installs(t) {
		var values map[string]any
		if err := yaml.Unmarshal([]byte(i.values(t)), &values); err != nil {
			t.Fatal(err)
		}
		for _, problem := range unknown(values, i.load(t).Values, "") {
			t.Errorf("%s: %s: %s", i.file, i, problem)
		}
	}
	for _, c := range []struct{ values, want string }{
		{"metrics_generator: {enabled: true}", "no value metrics_generator"},
		{"metricsGenerator: {enable: true}", "no value metricsGenerator.enable"},
		{"metricsGenerator: {enabled: {}}", "metricsGenerator.enabled is a map[string]interface {}, want a bool"},
		{"traces: [otlp]", "traces is a []interface {}, want a map[string]interface {}"},
	} {
		var values map[string]any
		if err := yaml.Unmarshal([]byte(c.values), &values); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(unknown(values, installs(t)[0].load(t).Values, ""), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.values, got, c.want)
		}
	}
}

// unknown returns the keys of values that the default values of a chart lack, or have with another
// type.
func unknown(values, defaults map[string]any, parent string) (problems []string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at := strings.TrimPrefix(parent+"."+key, ".")
		want, ok := defaults[key]
		if slices.Contains(ofServers, at) {
			if !ok && at != "ingest" { // the chart reads the key and has no default for it
				problems = append(problems, "no value "+at)
			}
			continue
		}
		below, isMap := values[key].(map[string]any)
		of, wantMap := want.(map[string]any)
		switch {
		case !ok:
			problems = append(problems, "no value "+at)
		case isMap && wantMap:
			problems = append(problems, unknown(below, of, at)...)
		case want == nil: // any type
		case fmt.Sprintf("%T", want) != fmt.Sprintf("%T", values[key]):
			problems = append(problems, fmt.Sprintf("%s is a %T, want a %T", at, values[key], want))
		}
	}
	return problems
}

// TestRendered renders each chart with its values, and checks that the pipeline is complete, and that
// doctor finds no mistake in the manifests.
func TestRendered(t *testing.T) {
	services := make(map[string]bool) // host:port
	for _, i := range installs(t) {
		for name, o := range i.render(t, i.values(t)).named("Service") {
			for _, p := range o.Spec.Ports {
				services[net.JoinHostPort(name, strconv.Itoa(p.Port))] = true
			}
		}
	}
	for _, i := range installs(t) {
		t.Run(i.String(), func(t *testing.T) {
			r := i.render(t, i.values(t))
			result, err := configcheck.Check("manifests.yaml", []byte(r.text))
			if err != nil {
				t.Errorf("doctor: %v", err)
			}
			for _, f := range result.Findings {
				t.Errorf("doctor: line %d: %s: %s", f.Line, f.Severity, f.Problem)
			}
			switch i.chart[strings.LastIndexByte(i.chart, '/')+1:] {
			case "tempo-distributed":
				checkTempo(t, i, r, services)
			case "prometheus":
				checkPrometheus(t, r)
			case "opentelemetry-collector":
				checkCollector(t, r, services)
			default:
				t.Errorf("nothing is known of the chart %s", i.chart)
			}
		})
	}
}

// checkTempo checks that Tempo takes spans, has the processor service-graphs, and writes to one of
// the services.
func checkTempo(t *testing.T, i install, r rendered, services map[string]bool) {
	config := r.file(t, "tempo.yaml")
	if _, ok := merged(r.named("Deployment"), r.named("StatefulSet"))[i.release+"-metrics-generator"]; !ok {
		t.Error("no metrics-generator is deployed")
	}
	if !has(t, config, "service-graphs", "overrides", "defaults", "metrics_generator", "processors") {
		t.Error("the processor service-graphs is off")
	}
	for _, protocol := range []string{"grpc", "http"} {
		if !has(t, config, nil, "distributor", "receivers", "otlp", "protocols", protocol) {
			t.Errorf("the distributor takes no OTLP over %s", protocol)
		}
	}
	var tempo struct {
		Generator struct {
			Storage struct {
				RemoteWrite []struct{ URL string } `yaml:"remote_write"`
			}
		} `yaml:"metrics_generator"`
	}
	if err := yaml.Unmarshal([]byte(config), &tempo); err != nil || len(tempo.Generator.Storage.RemoteWrite) != 1 {
		t.Fatalf("remote write %+v: %v", tempo, err)
	}
	to, err := url.Parse(tempo.Generator.Storage.RemoteWrite[0].URL)
	if err != nil || to.Path != "/api/v1/write" || !services[net.JoinHostPort(to.Hostname(), portOf(to))] {
		t.Errorf("remote write goes to %v, which is none of the services %v: %v", to, slices.Sorted(maps.Keys(services)), err)
	}
}

// checkPrometheus checks that Prometheus takes remote write.
func checkPrometheus(t *testing.T, r rendered) {
	var args []string
	for _, c := range r.named("Deployment")["prometheus-server"].Spec.Template.Spec.Containers {
		args = append(args, c.Args...)
	}
	if !slices.Contains(args, "--web.enable-remote-write-receiver") {
		t.Errorf("Prometheus has no receiver: its arguments are %q", args)
	}
}

// checkCollector checks that the Collector takes spans and sends them to one of the services.
func checkCollector(t *testing.T, r rendered, services map[string]bool) {
	config := r.file(t, "relay")
	if !has(t, config, "otlp", "service", "pipelines", "traces", "exporters") || !has(t, config, "otlp", "service", "pipelines", "traces", "receivers") {
		t.Errorf("the pipeline has no OTLP at both ends:\n%s", config)
	}
	var collector struct {
		Exporters map[string]struct{ Endpoint string }
	}
	if err := yaml.Unmarshal([]byte(config), &collector); err != nil || !services[collector.Exporters["otlp"].Endpoint] {
		t.Errorf("spans go to %q, which is none of the services %v: %v", collector.Exporters["otlp"].Endpoint, slices.Sorted(maps.Keys(services)), err)
	}
}

func portOf(u *url.URL) string {
	if u.Port() == "" {
		return "80"
	}
	return u.Port()
}

func merged(a, b map[string]object) map[string]object {
	maps.Copy(a, b)
	return a
}

// TestCollectorAcceptsRendered gives the rendered configuration to the Collector.
func TestCollectorAcceptsRendered(t *testing.T) {
	for _, i := range charts(t, "opentelemetry-collector") {
		// The Collector of the tests has only OTLP receivers and exporters. The others in the
		// configuration are defaults of the chart.
		var config map[string]any
		text := strings.ReplaceAll(i.render(t, i.values(t)).file(t, "relay"), "${env:MY_POD_IP}", "127.0.0.1")
		if err := yaml.Unmarshal([]byte(text), &config); err != nil {
			t.Fatal(err)
		}
		keep := func(section string) {
			of, _ := config[section].(map[string]any)
			maps.DeleteFunc(of, func(name string, _ any) bool { return name != "otlp" })
		}
		keep("receivers")
		keep("exporters")
		traces := config["service"].(map[string]any)["pipelines"].(map[string]any)["traces"].(map[string]any)
		otlp := func(list any) []any {
			return slices.DeleteFunc(slices.Clone(list.([]any)), func(name any) bool { return name != "otlp" })
		}
		only := map[string]any{
			"receivers": config["receivers"], "exporters": config["exporters"],
			"service": map[string]any{"pipelines": map[string]any{"traces": map[string]any{"receivers": otlp(traces["receivers"]), "exporters": otlp(traces["exporters"])}}},
		}
		part, err := yaml.Marshal(only)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := collectortest.Validate(t, write(t, string(part))); err != nil {
			t.Errorf("%s: %v\n%s", i, err, out)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestMistakes makes the mistakes that the comments in the values warn of. Helm must report
// nothing, the pipeline must be broken, and doctor must find the mistake in the values.
func TestMistakes(t *testing.T) {
	processors := func(r rendered) bool {
		return has(t, r.file(t, "tempo.yaml"), "service-graphs", "overrides", "defaults", "metrics_generator", "processors")
	}
	generator := func(r rendered) bool {
		_, ok := merged(r.named("Deployment"), r.named("StatefulSet"))["tempo-metrics-generator"]
		return ok
	}
	for _, c := range []struct {
		name, chart, right, wrong string
		works                     func(rendered) bool
	}{
		{"the key of Tempo's own configuration", "tempo-distributed", "\nmetricsGenerator:", "\nmetrics_generator:", generator},
		{"a generator that is not enabled", "tempo-distributed", "metricsGenerator:\n  enabled: true", "metricsGenerator:\n  enabled: false", generator},
		{"the overrides of older charts", "tempo-distributed", "\noverrides:", "\nglobal_overrides:", processors},
		{"no processors", "tempo-distributed", "processors: [service-graphs, span-metrics]", "processors: []", processors},
		{"OTLP off, as by default", "tempo-distributed", "enabled: true # off by default\n    http:\n      enabled: true", "enabled: false\n    http:\n      enabled: false", func(r rendered) bool {
			return has(t, r.file(t, "tempo.yaml"), nil, "distributor", "receivers", "otlp", "protocols", "grpc")
		}},
		{"no receiver", "prometheus", "    - web.enable-remote-write-receiver\n", "", func(r rendered) bool {
			return strings.Contains(r.text, "--web.enable-remote-write-receiver")
		}},
		{"no exporter in the pipeline", "opentelemetry-collector", "        exporters: [otlp]", "        processors: [batch]", func(r rendered) bool {
			return has(t, r.file(t, "relay"), "otlp", "service", "pipelines", "traces", "exporters")
		}},
	} {
		for _, i := range charts(t, c.chart) {
			right := i.values(t)
			wrong := strings.Replace(right, c.right, c.wrong, 1)
			if wrong == right {
				t.Errorf("%s: %s does not have %q", c.name, i.file, c.right)
			}
			if !c.works(i.render(t, right)) || c.works(i.render(t, wrong)) {
				t.Errorf("%s: with %s the pipeline works: %v, and with the mistake: %v", c.name, i, c.works(i.render(t, right)), c.works(i.render(t, wrong)))
			}
			if result, err := configcheck.Check(i.file, []byte(wrong)); err != nil || len(result.Findings) == 0 {
				t.Errorf("%s: doctor finds nothing in %s: %v", c.name, i.file, err)
			}
		}
	}
}
