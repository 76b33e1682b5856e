// Package helmtest renders the values in examples/deploy/helm with Helm's library and the charts
// that examples/deploy/README.md names. It is a module of its own, so that Helm is not a
// dependency of the main module.
package helmtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

const deploy = "../../examples/deploy"

// An install is one of the commands in the README: helm upgrade --install RELEASE CHART --version
// VERSION -f FILE.
type install struct{ release, chart, version, file string }

func (i install) String() string { return path.Base(i.chart) + "-" + i.version }

// installs returns the commands of the README.
func installs(t *testing.T) (list []install) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(deploy, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^ *helm upgrade --install (\S+) (\S+) --version (\S+) -f (\S+)$`).FindAllStringSubmatch(string(readme), -1) {
		list = append(list, install{m[1], m[2], m[3], m[4]})
	}
	return list
}

// charts returns the installs of the chart with a name. There must be at least one.
func charts(t *testing.T, name string) []install {
	t.Helper()
	list := slices.DeleteFunc(installs(t), func(i install) bool { return path.Base(i.chart) != name })
	if len(list) == 0 {
		t.Fatalf("the README installs no chart %s", name)
	}
	return list
}

// load returns the chart of an install.
func (i install) load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(filepath.Join("testdata/charts", i.String()+".tgz"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Metadata.Version != i.version {
		t.Errorf("%s has version %s", i, c.Metadata.Version)
	}
	return c
}

// values returns the text of the values file of an install.
func (i install) values(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, i.file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A rendered chart holds the manifests that Helm would apply.
type rendered struct {
	text    string // all manifests
	objects []object
}

// An object is a Kubernetes manifest, with the fields that the tests read.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Ports []struct {
			Port int
			Name string
		}
		Template struct {
			Spec struct {
				Containers []struct{ Args []string }
			}
		}
	}
}

// render returns the manifests that helm template would write for the values. Helm checks the
// values against the schema of the chart, if it has one.
func (i install) render(t *testing.T, values string) rendered {
	t.Helper()
	c := i.load(t)
	v, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, v); err != nil {
		t.Fatal(err)
	}
	v, err = chartutil.ToRenderValues(c, v, chartutil.ReleaseOptions{Name: i.release, Namespace: "default", Revision: 1, IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatalf("%s: %v", i, err)
	}
	files, err := engine.Render(c, v)
	if err != nil {
		t.Fatalf("%s: %v", i, err)
	}
	var r rendered
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		for d := yaml.NewDecoder(bytes.NewReader([]byte(files[name]))); ; {
			var o object
			err := d.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %s: %v", i, name, err)
			}
			if o.Kind != "" {
				r.objects = append(r.objects, o)
			}
		}
		fmt.Fprintf(&text, "---\n%s\n", files[name])
	}
	r.text = text.String()
	return r
}

// named returns the objects of a kind, by their names.
func (r rendered) named(kind string) map[string]object {
	found := make(map[string]object)
	for _, o := range r.objects {
		if o.Kind == kind {
			found[o.Metadata.Name] = o
		}
	}
	return found
}

// file returns the file of a ConfigMap.
func (r rendered) file(t *testing.T, name string) string {
	t.Helper()
	for _, o := range r.named("ConfigMap") {
		if text, ok := o.Data[name]; ok {
			return text
		}
	}
	t.Fatalf("no ConfigMap has the file %s", name)
	return ""
}

// has reports whether a YAML text has a value below keys: a scalar, or an item of a list; nil means
// any value. If a list is on the path of keys, has looks only into its first item.
func has(t *testing.T, text string, want any, keys ...string) bool {
	t.Helper()
	var at any
	if err := yaml.Unmarshal([]byte(text), &at); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if list, ok := at.([]any); ok && len(list) > 0 {
			at = list[0]
		}
		mapping, _ := at.(map[string]any)
		at = mapping[key]
	}
	if list, ok := at.([]any); ok {
		return slices.Contains(list, want)
	}
	if want == nil {
		return at != nil
	}
	return at == want
}
