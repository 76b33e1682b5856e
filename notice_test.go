package tempograph_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	godiff "github.com/google/go-cmp/cmp"
)

// shipped are the packages that users run or import.
var shipped = []string{"./cmd/...", "./otelsetup/...", "./servicegraph/...", "./tempoclient/..."}

// licenses are the licenses that linked modules may have, and for each a sentence that identifies
// its text. A person must review any other license.
var licenses = []struct{ name, sentence string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD-3-Clause", "Neither the name of"},
	{"BSD-2-Clause", "Redistributions in binary form must reproduce the above copyright notice"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"FTL", "The FreeType Project LICENSE"},
}

// inside maps a module to a text about the code of other projects that the module contains and that
// its license files do not mention.
var inside = map[string]string{
	"github.com/goccy/go-graphviz": "It contains Graphviz 12.1.2, compiled to WebAssembly: Copyright (c) 2011 AT&T Intellectual Property, under\n" +
		"the Eclipse Public License 1.0, https://www.eclipse.org/legal/epl-v10.html. The source code of Graphviz is at\n" +
		"https://gitlab.com/graphviz/graphviz. It also contains Expat 2.6.3 (MIT): Copyright (c) 1998-2000 Thai Open Source\n" +
		"Software Center Ltd and Clark Cooper, Copyright (c) 2001-2022 Expat maintainers; and the C library of WASI\n" +
		"(Apache-2.0 with LLVM exceptions, and MIT).",
	"github.com/golang/freetype": "Portions of this software are copyright (c) 2006-2010 The FreeType Project (www.freetype.org). All rights reserved.",
	"github.com/grafana/tempo": "Only tempoclient/tempogrpc links it: the package pkg/tempopb, which is Apache-2.0, and pkg/pool, a fork of a\n" +
		"package of Prometheus (Apache-2.0) that has no license file of its own.",
	"golang.org/x/image": "It contains the Go fonts: Copyright (c) 2016 Bigelow & Holmes Inc., under the same license.",
}

// A linkedModule is a module whose packages are linked by the programs of this repository, or by
// programs that use its packages.
type linkedModule struct {
	path, version, dir string
	packages           []string // folders
}

// linkedModules returns the modules that are linked on the most common operating systems.
func linkedModules(t *testing.T) []*linkedModule {
	t.Helper()
	found := make(map[string]*linkedModule)
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", append([]string{"list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}"}, shipped...)...)
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(f) != 4 {
				continue
			}
			m := found[f[0]]
			if m == nil {
				m = &linkedModule{path: f[0], version: f[1], dir: f[2]}
				found[f[0]] = m
			}
			if !slices.Contains(m.packages, f[3]) {
				m.packages = append(m.packages, f[3])
			}
		}
	}
	var modules []*linkedModule
	for _, m := range found {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b *linkedModule) int { return cmp.Compare(a.path, b.path) })
	return modules
}

var licenseFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|ftl)`)

// texts returns the license files of a module: those at its root, in a folder of licenses, and beside the
// linked packages. The AGPL at the root of Tempo does not apply to the linked packages.
func (m *linkedModule) texts(t *testing.T) []string {
	t.Helper()
	dirs := []string{m.dir, filepath.Join(m.dir, "licenses")}
	if m.path == "github.com/grafana/tempo" {
		dirs = nil
	}
	for _, dir := range m.packages {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	var texts []string
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // there may be no folder of licenses
		for _, e := range entries {
			if e.IsDir() || !licenseFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") || strings.Contains(strings.ToLower(e.Name()), "gpl") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
		}
	}
	return texts
}

// licensesOf returns the names of the licenses in texts.
func licensesOf(texts []string) (names []string) {
	flat := strings.Join(strings.Fields(strings.Join(texts, " ")), " ")
	for _, l := range licenses {
		if strings.Contains(flat, l.sentence) && !(l.name == "BSD-2-Clause" && slices.Contains(names, "BSD-3-Clause")) {
			names = append(names, l.name)
		}
	}
	return names
}

// TestNotice: every linked module has a permitted license, and NOTICE has the text of the license.
// GRAPHTEST_UPDATE=1 writes NOTICE.
func TestNotice(t *testing.T) {
	var list, texts strings.Builder
	var known []string // texts
	modules := linkedModules(t)
	if len(modules) < 30 {
		t.Fatalf("only %d modules are linked: go list does not see them", len(modules))
	}
	for _, m := range modules {
		found := m.texts(t)
		names := licensesOf(found)
		if len(names) == 0 {
			t.Errorf("%s: no known license in %d license files: see whether it may be shipped", m.path, len(found))
		}
		if strings.Contains(strings.Join(found, " "), "AFFERO GENERAL PUBLIC") {
			t.Errorf("%s: the Affero license", m.path)
		}
		fmt.Fprintf(&list, "\n%s %s: %s\n", m.path, m.version, strings.Join(names, ", "))
		if note := inside[m.path]; note != "" {
			fmt.Fprintln(&list, note)
		}
		var numbers []string
		for _, text := range found {
			if !slices.Contains(known, text) {
				known = append(known, text)
				fmt.Fprintf(&texts, "\n%s\nText %d\n\n%s\n", strings.Repeat("-", 80), len(known), text)
			}
			numbers = append(numbers, fmt.Sprint(slices.Index(known, text)+1))
		}
		fmt.Fprintf(&list, "License: text %s\n", strings.Join(numbers, ", "))
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	goText, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.TrimSpace(string(goText)); !slices.Contains(known, text) {
		known = append(known, text)
		fmt.Fprintf(&texts, "\n%s\nText %d\n\n%s\n", strings.Repeat("-", 80), len(known), text)
	}
	want := `tempograph
Licensed under the Apache License, Version 2.0: see LICENSE.

Programs of this repository, and programs that use all of its packages, contain the following
modules. The texts of their licenses are below.

The HTML report contains Viz.js and, in it, Graphviz and Expat, compiled to WebAssembly: see the
last text.

The standard library of Go: BSD-3-Clause
` + fmt.Sprintf("License: text %d\n", slices.Index(known, strings.TrimSpace(string(goText)))+1) + list.String() + texts.String()
	page, err := os.ReadFile("servicegraph/render/report/page/library/LICENSES.txt")
	if err != nil {
		t.Fatal(err)
	}
	want += fmt.Sprintf("\n%s\nThe HTML report\n\n%s", strings.Repeat("-", 80), page)
	if os.Getenv("GRAPHTEST_UPDATE") == "1" {
		if err := os.WriteFile("NOTICE", []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	if diff := godiff.Diff(want, string(got)); diff != "" {
		t.Errorf("NOTICE differs (-want +got); GRAPHTEST_UPDATE=1 go test -run TestNotice . writes it:\n%s", diff)
	}
}
