package views

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// qrQuiet is the white margin of a QR code, in modules (ISO/IEC 18004 §5.3.8).
const qrQuiet = 4

// qrPath draws text as a QR code: one path of black modules, row by row, in a square of that many modules. "" for a text that is too long.
func qrPath(text string) (path string, size int) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", 0
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+qrQuiet, y+qrQuiet, x-from, x-from)
			}
		}
	}
	return b.String(), code.Size + 2*qrQuiet
}

// inFours puts a space after every fourth character, for typing off.
func inFours(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// square is the viewBox of so many modules.
func square(size int) string { return fmt.Sprintf("0 0 %d %d", size, size) }

// frameOf is the path of the whole square.
func frameOf(size int) string { return fmt.Sprintf("M0 0h%dv%dH0z", size, size) }

// lines puts each on its own.
func lines(texts []string) string { return strings.Join(texts, "\n") }
