// SPIRE's own server and agent in one program: `spire server …`, `spire agent …`, each with its own command line.
package main

import (
	"fmt"
	"os"

	agent "github.com/spiffe/spire/cmd/spire-agent/cli"
	server "github.com/spiffe/spire/cmd/spire-server/cli"
	"github.com/spiffe/spire/pkg/common/entrypoint"
)

func main() {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
		os.Args = append(os.Args[:1], os.Args[2:]...)
	}
	switch role {
	case "server":
		os.Exit(entrypoint.NewEntryPoint(new(server.CLI).Run).Main())
	case "agent":
		os.Exit(entrypoint.NewEntryPoint(new(agent.CLI).Run).Main())
	}
	fmt.Fprintln(os.Stderr, "usage: spire server|agent …")
	os.Exit(2)
}
