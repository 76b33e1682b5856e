package draw

import (
	"math"

	"github.com/tempograph/tempograph/servicegraph/render"
)

// A listedLabel is an entry of the list below the graph: the label of an edge whose curve has no
// place for the label.
type listedLabel struct {
	mark  string // the number on the edge; empty if the edge has no place for a number either
	ends  string // the names of the nodes
	texts []text // of the label, in one row
	level render.Level
}

const (
	listGap     = 10.0 // between the parts of an entry
	listColumn  = 36.0 // between columns
	listLeading = 15.0
	listMark    = 20.0 // width of the numbers
)

// addList sets the list below the graph, in columns, and returns the lower end of the
// image without its margin. The graph ends at y.
func (s *scene) addList(y float64) float64 {
	if len(s.listed) == 0 {
		return y
	}
	ends, wide := 0.0, 0.0
	for _, l := range s.listed {
		ends = max(ends, listStyle.width(l.ends))
		wide = max(wide, rowWidth(l.texts, listGap))
	}
	wide += listMark + ends + listGap
	columns := max(int((s.width-2*margin+listColumn)/(wide+listColumn)), 1)
	rows := (len(s.listed) + columns - 1) / columns
	y += 30
	for i, l := range s.listed {
		at := point{margin + float64(i/rows)*(wide+listColumn), y + float64(i%rows)*listLeading}
		if l.mark != "" {
			s.footer = append(s.footer, footerText{text{markStyle, at, l.mark}, l.level})
		}
		s.footer = append(s.footer, footerText{text{listStyle, at.moved(listMark, 0), l.ends}, l.level})
		placeRow(l.texts, at.moved(listMark+ends+listGap, 0), listGap)
		for _, t := range l.texts {
			s.footer = append(s.footer, footerText{t, l.level})
		}
	}
	s.width = max(s.width, math.Ceil(wide+2*margin))
	return y + float64(rows-1)*listLeading + 6
}

// A footerText is a text below the graph.
type footerText struct {
	text
	level render.Level
}
