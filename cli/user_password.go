package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

func (p *Program) userPassword() *cobra.Command {
	var (
		in             admin.PasswordChange
		password, hash bool
		remove, asJSON bool
	)
	cmd := &cobra.Command{
		Use: "password PERSON", Short: "Give a person a password, or take it away", Args: arguments("the person's address or sub"),
		Long: "Give a person a password, or take it away. It is read from the first line of standard input, never from the command line,\n" +
			"where others could see it. A new one signs them out everywhere.",
		Example: "  gatelatch user password ann@example.com --password-stdin < password.txt\n" +
			"  gatelatch user password ann@example.com --hash-stdin < bcrypt-hash.txt\n" +
			"  gatelatch user password ann@example.com --remove",
	}
	cmd.RunE = p.managed(func(ctx context.Context, m *management, args []string) error {
		path := "/users/" + url.PathEscape(args[0]) + "/password"
		var err error
		switch given := count(password, hash, remove); {
		case given != 1:
			return usage(cmd, "say --password-stdin, --hash-stdin or --remove")
		case remove:
			return p.oneUser(ctx, m, "DELETE", path, nil, asJSON)
		case hash:
			in.Hash, err = p.firstLine()
		default:
			in.Password, err = p.firstLine()
		}
		if err != nil {
			return err
		}
		return p.oneUser(ctx, m, "POST", path, in, asJSON)
	})
	f := cmd.Flags()
	f.BoolVar(&password, "password-stdin", false, "read the password from standard input")
	f.BoolVar(&hash, "hash-stdin", false, "read a hash that another server has made: argon2id, scrypt, pbkdf2-sha256 or bcrypt; nobody is signed out")
	f.BoolVar(&in.KeepSessions, "keep-sessions", false, "leave them signed in where they are")
	f.BoolVar(&remove, "remove", false, "take the password away, unless it is their last way in")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func count(said ...bool) int {
	n := 0
	for _, yes := range said {
		if yes {
			n++
		}
	}
	return n
}

// lineMost is more than the longest password takes.
const lineMost = 4096

// firstLine reads a line from standard input. Spaces in it count.
func (p *Program) firstLine() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(p.Stdin, lineMost)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", errors.New("standard input is empty. Write the password there: gatelatch user password PERSON --password-stdin < password.txt")
	}
	return line, nil
}
