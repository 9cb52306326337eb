// Package cli is what a person types: the commands, the configuration, and the joining of the parts into a server.
// Nothing imports it but main. The commands that look after a server speak the management API of server/admin: over the
// Unix socket in the data folder while a server runs there, else to the same handler in this process.
//
//	serve          run the server
//	demo           the server, two example applications and the inbox, to try things out
//	app …          applications: create, list, show, update, rotate-secret, delete
//	user …         people: create, list, show, password, enable, disable, delete
//	invite …       invitations to make an account: create, list, revoke
//	experience …   how people sign in and sign up: show, set
//	resource …     APIs that applications get tokens for: create, list, show, update, delete
//	cognito-key …  keys with which programs manage people through the Cognito API: create, list, delete
//	keys …         signing keys: list, rotate
//	words …        the texts of pages and mails: list, show
//	events         what has happened: who signed in, who changed what
//	inbox          mail that the development inbox has caught
//	healthcheck    ask the server whether it is well
//	version        say which program this is
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Program is a run of the program: what it was given, and where it writes.
type Program struct {
	Args   []string // without the program's name
	Env    []string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	config string // --config
	data   string // --data
}

// Run runs the program until it is done or ctx ends, and returns its exit code: 0 it worked, 1 it did not, 2 it was
// asked for something that does not exist.
func Run(ctx context.Context, p Program) int {
	cmd := p.root()
	cmd.SetArgs(p.Args)
	cmd.SetOut(p.Stdout)
	cmd.SetErr(p.Stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(p.Stderr, "gatelatch: "+err.Error())
	if u, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(p.Stderr, "Try: %s --help\n", u.command)
		return 2
	}
	return 1
}

// usageError is a command that was not typed as it has to be.
type usageError struct {
	command string
	reason  string
}

// Error implements error.
func (u *usageError) Error() string { return u.reason }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd.CommandPath(), fmt.Sprintf(format, args...)}
}

func (p *Program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatelatch",
		Short: "Signs people in to your applications with a code from their mailbox",
		Long: "Gatelatch signs people in to your applications with a code from their mailbox.\n" +
			"One program, one data folder, nothing else to install.",
		Example:       "  gatelatch demo\n  gatelatch serve\n  gatelatch app create Bookstore --for nextjs",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "help", Hidden: true, RunE: func(cmd *cobra.Command, args []string) error { return root.Help() }})
	root.SetUsageTemplate(helpTemplate)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%s", flagReason(err)) })
	root.PersistentFlags().StringVar(&p.data, "data", "", "the data `folder` (data)")
	root.PersistentFlags().StringVar(&p.config, "config", "", "the configuration `file` (gatelatch.yaml in the data folder, if it is there)")
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run it"}, &cobra.Group{ID: "look", Title: "Look after it"})
	for id, commands := range map[string][]*cobra.Command{
		"run":  {p.serveCommand(), p.demoCommand()},
		"look": {p.appCommand(), p.resourceCommand(), p.registrationCommand(), p.cognitoKeyCommand(), p.userCommand(), p.connectionCommand(), p.groupCommand(), p.inviteCommand(), p.experienceCommand(), p.keysCommand(), p.eventsCommand(), p.inboxCommand(), p.mailCommand(), p.wordsCommand(), p.healthcheckCommand(), p.versionCommand()},
	} {
		for _, cmd := range commands {
			cmd.GroupID = id
			root.AddCommand(cmd)
		}
	}
	return root
}

// group is what a command does that only holds others: help, or a word about the one that does not exist.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if near := nearest(args[0], names); near != "" {
		return usage(cmd, "there is no command %q. Did you mean %s?", args[0], near)
	}
	return usage(cmd, "there is no command %q. There is %s", args[0], orList(names))
}

// arguments demands exactly as many arguments as have names.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(cmd, "%s is missing", names[len(args)])
		case len(args) > len(names):
			return usage(cmd, "%q is one word too many. Put names with spaces in quotes", args[len(names)])
		}
		return nil
	}
}

// flagReason puts pflag's complaint into our words.
func flagReason(err error) string {
	reason := err.Error()
	if flag, ok := strings.CutPrefix(reason, "unknown flag: "); ok {
		return "there is no flag " + flag
	}
	if rest, ok := strings.CutPrefix(reason, "flag needs an argument: "); ok {
		return rest + " needs a value"
	}
	return reason
}

// helpTemplate lays out --help: what it is (before it, by cobra), how to type it, examples, what there is.
const helpTemplate = `Usage
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Examples
{{.Example}}{{end}}
{{- $cmd := .}}{{range .Groups}}

{{.Title}}{{$id := .ID}}{{range $cmd.Commands}}{{if and (eq .GroupID $id) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}
{{- if and .HasAvailableSubCommands (not .Groups)}}

Commands{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

Flags of every command
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`

// load reads the configuration. flags maps keys to the flags of this command that were given.
func (p *Program) load(flags map[string]string) (*Config, error) {
	if flags == nil {
		flags = map[string]string{}
	}
	if p.data != "" {
		flags["data"] = p.data
	}
	return LoadConfig(Sources{File: p.config, Env: p.Env, Flags: flags})
}

// logger writes what the server has to say to standard error.
func (p *Program) logger(c Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // the configuration allows no other words
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(p.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.Stderr, options))
}

// printf writes to standard output.
func (p *Program) printf(format string, args ...any) { fmt.Fprintf(p.Stdout, format, args...) }

// printJSON writes a value for programs, indented for the eyes that pass by.
func (p *Program) printJSON(v any) error {
	enc := json.NewEncoder(p.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// version is the module's version, or the commit of a build from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel " + s.Value[:12]
		}
	}
	return "devel"
}

func (p *Program) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Say which program this is", Args: arguments(),
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return p.printJSON(map[string]string{"version": version()})
			}
			p.printf("gatelatch %s\n", version())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
