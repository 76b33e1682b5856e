package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// writeTable writes the results of a comparison as a Markdown table. Figures are
// medians of the rounds; ratios are medians of the ratios of each round, with the lowest
// and the highest ratio in parentheses.
func writeTable(w io.Writer, c comparison, in *input, cores []int, costs [][][]cost) {
	fmt.Fprintf(w, "\n| %s | cores | spans/s of processor time | × %[2]s | spans/s of wall time | × %[2]s | allocs/span | B/span |\n|---|---|---|---|---|---|---|---|\n", c.format, c.baseline)
	spans := float64(in.spans)
	for i, n := range cores {
		base := costs[i][0]
		for p, rounds := range costs[i] {
			fmt.Fprintf(w, "| %s | %d | %.2f M | %s | %.2f M | %s | %s | %.0f |\n", c.paths[p].name, n,
				spans/median(rounds, cost.cpuSeconds)/1e6, ratios(base, rounds, cost.cpuSeconds),
				spans/median(rounds, cost.wallSeconds)/1e6, ratios(base, rounds, cost.wallSeconds),
				significant(median(rounds, func(c cost) float64 { return c.mallocs })/spans),
				median(rounds, func(c cost) float64 { return c.bytes })/spans)
		}
	}
	if len(cores) < 2 {
		return
	}
	var gains []string
	for p := range c.paths {
		last := len(cores) - 1
		gains = append(gains, fmt.Sprintf("%s %s", c.paths[p].name, ratios(costs[0][p], costs[last][p], cost.wallSeconds)))
	}
	fmt.Fprintf(w, "\n%d cores against %d, wall time: %s.\n", cores[len(cores)-1], cores[0], strings.Join(gains, "; "))
}

func (c cost) wallSeconds() float64 { return c.wall.Seconds() }
func (c cost) cpuSeconds() float64  { return c.cpu.Seconds() }

func median(rounds []cost, figure func(cost) float64) float64 {
	var figures []float64
	for _, r := range rounds {
		figures = append(figures, figure(r))
	}
	slices.Sort(figures)
	return middle(figures)
}

// middle returns the median of sorted figures.
func middle(figures []float64) float64 {
	n := len(figures)
	return (figures[(n-1)/2] + figures[n/2]) / 2
}

// ratios returns by which factor the rounds were faster than base.
func ratios(base, rounds []cost, figure func(cost) float64) string {
	var r []float64
	for i := range rounds {
		r = append(r, figure(base[i])/figure(rounds[i]))
	}
	slices.Sort(r)
	return fmt.Sprintf("%s (%s–%s)", significant(middle(r)), significant(r[0]), significant(r[len(r)-1]))
}

// significant formats a number with about three digits.
func significant(f float64) string {
	if f >= 10 {
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// writeMachine writes the command, the date, the machine and the versions.
func writeMachine(w io.Writer, args []string) {
	fmt.Fprintf(w, "`%s`, %s, %s, %s/%s, %s, %d cores.\n",
		strings.Join(append([]string{"go run ."}, args...), " "), time.Now().UTC().Format(time.DateOnly),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, cpuName(), runtime.NumCPU())
	fmt.Fprintf(w, "tempograph %s, Tempo %s, pdata %s.\n", revision(),
		version("github.com/grafana/tempo"), version("go.opentelemetry.io/collector/pdata"))
}

// version returns the version of a linked module.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				return dep.Version
			}
		}
	}
	return "of unknown version"
}

// revision returns the commit of the checkout in the working directory.
func revision() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=10").Output()
	return cmp.Or(strings.TrimSpace(string(out)), fmt.Sprintf("of unknown revision (%v)", err))
}

// cpuName returns the name of the processor from Linux's /proc/cpuinfo.
func cpuName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
