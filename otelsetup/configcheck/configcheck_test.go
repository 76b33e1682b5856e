package configcheck_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tempograph/tempograph/otelsetup/configcheck"
)

// wanted matches the mark of a finding in a file of testdata: a comment at the end of the line
// in which the finding is reported, with the severity and a part of the problem.
var wanted = regexp.MustCompile(`# (ERROR|WARNING) ([^#]+?) *(?:$|# (?:ERROR|WARNING))`)

// TestFindings compares the findings in each file with the marks in the file. There must be a
// finding for each mark, and no other finding.
func TestFindings(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files of testdata, error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			result, err := configcheck.Check(file, data)
			if err != nil {
				t.Fatal(err)
			}
			want := marks(string(data))
			for _, f := range result.Findings {
				i := slices.IndexFunc(want, func(m mark) bool {
					return m.line == f.Line && m.severity == f.Severity.String() && strings.Contains(f.Problem, m.problem)
				})
				if i < 0 {
					t.Errorf("not wanted: %d: %v: %s", f.Line, f.Severity, f.Problem)
					continue
				}
				want = slices.Delete(want, i, i+1)
				checkFix(t, f)
			}
			for _, m := range want {
				t.Errorf("missing: %d: %s: %s", m.line, m.severity, m.problem)
			}
			for _, d := range result.Documents {
				if d.Kind == "" {
					t.Errorf("line %d: the document was not recognized", d.Line)
				}
			}
		})
	}
}

type mark struct {
	line              int
	severity, problem string
}

func marks(text string) (all []mark) {
	for i, line := range strings.Split(text, "\n") {
		for {
			m := wanted.FindStringSubmatchIndex(line)
			if m == nil {
				break
			}
			all = append(all, mark{i + 1, strings.ToLower(line[m[2]:m[3]]), line[m[4]:m[5]]})
			line = line[m[5]:]
		}
	}
	return all
}

// checkFix checks that the correction of a finding is YAML.
func checkFix(t *testing.T, f configcheck.Finding) {
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(f.Fix), &node); err != nil {
		t.Errorf("%d: the correction of %q is not YAML: %v\n%s", f.Line, f.Problem, err, f.Fix)
	}
}

// TestFixes compares the corrections of some mistakes, one for each way of making a correction.
func TestFixes(t *testing.T) {
	for _, test := range []struct{ input, fix string }{
		{"query_frontend:\noverrides:\n  metrics_generator_processors: ['service-graphs']\n  max_bytes_per_trace: 5\n",
			"overrides:\n  defaults:\n    metrics_generator:\n      processors: ['service-graphs']\n    global:\n      max_bytes_per_trace: 5"},
		{"traces:\n  otlp:\n    grpc:\n      enabled: true\nmetrics_generator:\n  enabled: true\n", "metricsGenerator:"},
		{"exporters:\n  otlp/a:\n    endpoint: http://tempo:4317\n",
			"exporters:\n  otlp/a:\n    endpoint: http://tempo:4317\n    tls:\n      insecure: true"},
		{"metrics_generator:\n  storage:\n    remote_write:\n      - url: http://prom:9090/write\noverrides:\n  defaults:\n    metrics_generator:\n      processors: [service-graphs]\n",
			"      - url: http://prom:9090/api/v1/write"},
	} {
		result, err := configcheck.Check("in.yml", []byte(test.input))
		if err != nil {
			t.Fatal(err)
		}
		var fixes []string
		for _, f := range result.Findings {
			fixes = append(fixes, f.Fix)
		}
		if !slices.ContainsFunc(fixes, func(fix string) bool { return fix == test.fix || strings.TrimSpace(fix) == test.fix }) {
			t.Errorf("of\n%s\nthe corrections are\n%s\nwithout\n%s", test.input, strings.Join(fixes, "\n---\n"), test.fix)
		}
	}
}

// TestPasswords checks that no finding contains a password of the configuration.
func TestPasswords(t *testing.T) {
	for _, input := range []string{
		"exporters:\n  otlphttp:\n    endpoint: http://user:s3cret@tempo:4317\n",
		"exporters:\n  otlphttp:\n    endpoint: user:s3cret@tempo:4318\n",
		"exporters:\n  otlphttp:\n    endpoint: http://user:s3cret@tempo:4318/v1/traces\n",
		"exporters:\n  otlphttp:\n    traces_endpoint: http://user:s3cret@tempo:4318\n",
		"exporters:\n  otlp:\n    endpoint: http://user:s3cret@tempo:4318\n",
		"metrics_generator:\n  storage:\n    remote_write:\n      - url: http://user:s3cret@prom:9090/write\n",
		"metrics_generator:\n  storage:\n    remote_write:\n      - url: user:s3cret@prom:9090/api/v1/write\n",
		"metrics_generator:\n  storage:\n    remote_write:\n      - url: http://user:s3c ret@prom:9090/api/v1/write\n",
	} {
		result, err := configcheck.Check("in.yml", []byte(input))
		if err != nil {
			t.Fatal(err)
		}
		urls := 0
		for _, f := range result.Findings {
			if text := f.Problem + f.Fix; strings.Contains(text, "s3c") {
				t.Errorf("of\n%s\na finding contains the password: %s\n%s", input, f.Problem, f.Fix)
			}
			if strings.Contains(f.Fix, "http://") || strings.Contains(f.Fix, "endpoint: ") {
				urls++
			}
		}
		if urls == 0 {
			t.Errorf("of\n%s\nno finding corrects the URL: %v", input, result.Findings)
		}
	}
}

// TestBadInput checks that a file that is not a configuration is refused, with an error of one line
// that names the place and the next step. No such file may take much time or memory.
func TestBadInput(t *testing.T) {
	bomb := "a0: &a0 [x, x]\n"
	for i := 1; i < 60; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	merges := "m0: &m0 {x: 1}\n"
	for i := 1; i < 60; i++ {
		merges += fmt.Sprintf("m%d: &m%d\n  <<: [*m%d, *m%d]\n", i, i, i-1, i-1)
	}
	for name, test := range map[string]struct{ input, want string }{
		"template that is YAML": {"{{ .Values.x }}: 1\n", "in.yml:1: this line is a template"},
		"template":              {"a: 1\nmetricsGenerator:\n  {{- toYaml .Values.x | nindent 2 }}\n", "in.yml:3: this line is a template"},
		"not YAML":              {"a: [1\nb: }\n", "this is not YAML"},
		"tab":                   {"a:\n\tb: 1\n", "in.yml:2: this is not YAML"},
		"binary":                {"\x7fELF\x00\x01", "this is not a text file"},
		"10 MB":                 {strings.Repeat("a: 1 #\n", 10<<20/7+1), "at most 8388608 are read"},
		"undefined alias":       {"a: *b\n", "this is not YAML"},
		"bomb of aliases":       {bomb + "query_frontend: *a59\n", ""},
		"bomb of merge keys":    {merges + "metrics_generator: *m59\n", ""},
		"cycle of aliases":      {"overrides: &o\n  defaults: *o\n", ""},
		"empty":                 {"", ""},
		"comment":               {"# nothing\n", ""},
		"scalar":                {"hello\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := configcheck.Check("in.yml", []byte(test.input))
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, want %q", err, test.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
		})
	}
}

// TestManyFindings checks that the number of findings of a file is bounded, and that the other
// findings are counted.
func TestManyFindings(t *testing.T) {
	input := "exporters:\n"
	for i := range 500 {
		input += fmt.Sprintf("  otlp/%d:\n    endpoint: tempo.example.com:4318\n", i)
	}
	result, err := configcheck.Check("in.yml", []byte(input))
	if err != nil || len(result.Findings) != 200 || result.Omitted != 300 {
		t.Fatalf("%d findings and %d omitted, error %v", len(result.Findings), result.Omitted, err)
	}
}
