package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A look says how what is written looks, as the flags state it.
type look struct {
	title string
}

// addTo adds the flags of a look to a command.
func (l *look) addTo(cmd *cobra.Command) {
	group(cmd, "Look", func(f *pflag.FlagSet) {
		f.StringVar(&l.title, "title", "", "`TEXT` of the heading (default the query and the time range)")
	})
}
