package otelsetup

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// checkEnv returns an error for the first variable of the environment whose value the SDK or the
// exporters would replace by a default, with no message or only a line on standard error.
func checkEnv() error {
	for _, name := range []string{"OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_INSECURE", "OTEL_EXPORTER_OTLP_TRACES_INSECURE"} {
		if v := env(name); v != "" && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
			return fmt.Errorf("%s=%q: want true or false", name, v)
		}
	}
	if v, name := otlpEnv("COMPRESSION"); v != "" && v != "gzip" && v != "none" {
		return fmt.Errorf("%s=%q: want gzip or none", name, v)
	}
	if _, err := logLevel(); err != nil {
		return err
	}
	if _, err := samplerFromEnv(); err != nil {
		return err
	}
	for _, r := range ranges {
		v := env(r.name)
		if v == "" {
			continue
		}
		if n, err := strconv.Atoi(v); err != nil || n < r.least {
			return fmt.Errorf("%s=%q: want %s", r.name, v, r.want())
		}
	}
	queue, batch := envInt("OTEL_BSP_MAX_QUEUE_SIZE", 2048), envInt("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)
	if batch > queue && env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") != "" {
		return fmt.Errorf("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=%d is larger than the queue: OTEL_BSP_MAX_QUEUE_SIZE is %d", batch, queue)
	}
	return nil
}

// A numberRange is a variable with a whole number.
type numberRange struct {
	name  string
	least int
	unit  string
}

func (r numberRange) want() string {
	text := "a whole number"
	if r.unit != "" {
		text = r.unit + " as a whole number"
	}
	if r.least > math.MinInt {
		text += fmt.Sprintf(", at least %d", r.least)
	}
	return text
}

// Negative limits of spans mean that there is no limit.
var ranges = []numberRange{
	{"OTEL_BSP_SCHEDULE_DELAY", 1, "milliseconds"},
	{"OTEL_BSP_EXPORT_TIMEOUT", 1, "milliseconds"},
	{"OTEL_BSP_MAX_QUEUE_SIZE", 1, ""},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, ""},
	{"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", math.MinInt, ""},
	{"OTEL_ATTRIBUTE_COUNT_LIMIT", math.MinInt, ""},
	{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", math.MinInt, ""},
	{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", math.MinInt, ""},
	{"OTEL_SPAN_EVENT_COUNT_LIMIT", math.MinInt, ""},
	{"OTEL_SPAN_LINK_COUNT_LIMIT", math.MinInt, ""},
	{"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", math.MinInt, ""},
	{"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", math.MinInt, ""},
}

func envInt(name string, fallback int) int {
	if n, err := strconv.Atoi(env(name)); err == nil {
		return n
	}
	return fallback
}

// levelNone is above the level of every message.
const levelNone = slog.LevelError + 1

// logLevel returns the level below which OTEL_LOG_LEVEL suppresses messages of this package.
func logLevel() (slog.Level, error) {
	v := env("OTEL_LOG_LEVEL")
	switch strings.ToLower(v) {
	case "":
		return math.MinInt, nil
	case "none":
		return levelNone, nil
	case "error":
		return slog.LevelError, nil
	case "warn":
		return slog.LevelWarn, nil
	case "info":
		return slog.LevelInfo, nil
	case "debug", "verbose", "all":
		return math.MinInt, nil
	}
	return 0, fmt.Errorf("OTEL_LOG_LEVEL=%q: want none, error, warn, info or debug", v)
}
