package servicegraph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	sg "github.com/tempograph/tempograph/servicegraph"
)

func TestCycles(t *testing.T) {
	for _, c := range []struct {
		name, spans string
		want        [][]sg.NodeID
	}{
		{"nothing", "", nil},
		{"a chain", "S A a\nS B b<a\nS C c<b", nil},
		{"a self call", "C A c\nS A s<c", nil},
		{"two that call each other (F12)", "S A a\nS B b<a\nS A c<b", [][]sg.NodeID{{service("A"), service("B")}}},
		{"two cycles, and nodes that call them or are called by them", "S Z z\nS A a<z\nS B b<a\nS C c<b\nS A d<c\nS X x<d\nS Y y<x\nS X w<y\nS Q q<w",
			[][]sg.NodeID{{service("A"), service("B"), service("C")}, {service("X"), service("Y")}}},
	} {
		if diff := cmp.Diff(c.want, build(mustParse(t, c.spans)).Cycles(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
