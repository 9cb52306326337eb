package cli

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

var durationPart = regexp.MustCompile(`^(\d+)(ms|s|m|h|d|w|y)`)

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// parseDuration reads Go's durations and also days, weeks and years of 365 days: 90s, 1h30m, 30d, 1y.
func parseDuration(text string) (time.Duration, error) {
	var sum time.Duration
	rest := text
	for rest != "" {
		part := durationPart.FindStringSubmatch(rest)
		if part == nil {
			break
		}
		n, err := strconv.ParseInt(part[1], 10, 64)
		unit := durationUnits[part[2]]
		if err != nil || n > int64((math.MaxInt64-sum)/unit) {
			break
		}
		sum += time.Duration(n) * unit
		rest = rest[len(part[0]):]
	}
	if rest != "" || text == "" {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	return sum, nil
}

// formatDuration writes a duration the way parseDuration reads it, in its largest whole unit.
func formatDuration(d time.Duration) string {
	for _, unit := range []string{"y", "d", "h", "m", "s", "ms"} {
		if size := durationUnits[unit]; d >= size && d%size == 0 {
			return fmt.Sprintf("%d%s", d/size, unit)
		}
	}
	return d.String()
}
