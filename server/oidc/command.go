package oidc

import (
	"log/slog"
	"slices"
	"strings"

	"gatelatch/storage"
)

// repairCommand is the command that registers the received address beside those that are registered, for whoever reads the log. A stranger
// has chosen the address and an administrator will paste the command: where one of them means anything to a shell there is none.
func repairCommand(c *storage.Client, flag string, registered []string, received string) slog.Attr {
	if c == nil {
		return slog.Attr{} // slog leaves it out
	}
	command := "gatelatch app update " + c.ID
	for _, uri := range append(slices.Clone(registered), received) {
		if !plainAddress(uri) {
			return slog.Attr{}
		}
		command += " --" + flag + " " + uri
	}
	return slog.String("repair", command)
}

// plainAddress reports whether an address is one plain word in every shell.
func plainAddress(uri string) bool {
	const marks = "-._~:/%+=@"
	plain := func(r rune) bool { return letter(r) || '0' <= r && r <= '9' || strings.ContainsRune(marks, r) }
	return uri != "" && len(uri) <= 300 && letter(rune(uri[0])) && !strings.ContainsFunc(uri, func(r rune) bool { return !plain(r) })
}

func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
