package render

// The colors of all text formats. A healthy graph is gray, so that trouble stands out.
// Text has a contrast to its background of at least 4.5, a line of at least 3 (WCAG
// 1.4.3, 1.4.11).
const (
	colorInk   = "#1c2430"
	colorMuted = "#616b7f"
	colorLine  = "#7c899b" // edges and the borders of cards

	colorWarnLine = "#b86e00"
	colorWarnText = "#8a5200"
	colorWarnFill = "#fdf3e1"

	colorFailLine = "#c62b36"
	colorFailText = "#9d1f2a"
	colorFailFill = "#fdecec"

	// The colors of marks.
	colorGoodLine = "#1a7f37"
	colorGoodText = "#116329"
	colorGoodFill = "#eaf8ee"
	colorPastFill = "#f3f4f6"
)
