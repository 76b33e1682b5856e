package main

import (
	"context"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cli/browser"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
)

// openTime bounds how long the program waits for the opener of the operating system. An opener
// usually returns at once, but some openers are the browser itself and run until the user closes
// the browser.
const openTime = 3 * time.Second

// toOpen returns the target that --open opens: the first HTML report, or else the first file.
func toOpen(targets []target) (target, error) {
	files := slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return t.Path == "" })
	if len(files) == 0 {
		return target{}, exit.Usagef("--open needs a file to open: name one with -o, such as -o report.html")
	}
	if i := slices.IndexFunc(files, func(t target) bool { return t.format.Name == "html" }); i > 0 {
		return files[i], nil
	}
	return files[0], nil
}

// openFile opens a file in the default program for its type. A failure is only a warning, because
// the file has been written.
func (e *export) openFile(ctx context.Context, t target) {
	browser.Stdout, browser.Stderr = io.Discard, io.Discard // the program uses both streams for its own output
	path, err := filepath.Abs(t.Path)
	if err == nil {
		path = filepath.ToSlash(path)
		if !strings.HasPrefix(path, "/") { // C:/report.html
			path = "/" + path
		}
		done := make(chan error, 1)
		go func() { done <- browser.OpenURL((&url.URL{Scheme: "file", Path: path}).String()) }()
		select {
		case err = <-done:
		case <-time.After(openTime):
		case <-ctx.Done():
		}
	}
	if err != nil {
		e.stderr.Warnf("--open: %v: open %s yourself", err, t.Path)
	}
}
