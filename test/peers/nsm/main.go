// Genuine Go peers of Network Service Mesh, one role a process: registry, nsmgr, forwarder, endpoint, client.
// Prints one JSON object a line on standard output; ends with standard input.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/edwarnicke/genericsync"
	"github.com/edwarnicke/grpcfd"
	"github.com/networkservicemesh/api/pkg/api/networkservice"
	registryapi "github.com/networkservicemesh/api/pkg/api/registry"
	"github.com/networkservicemesh/sdk/pkg/networkservice/chains/client"
	"github.com/networkservicemesh/sdk/pkg/networkservice/chains/endpoint"
	"github.com/networkservicemesh/sdk/pkg/networkservice/chains/nsmgr"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/authorize"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/connect"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/discover"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/heal"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms/kernel"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms/recvfd"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms/sendfd"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/null"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/roundrobin"
	chainnext "github.com/networkservicemesh/sdk/pkg/networkservice/core/next"
	"github.com/networkservicemesh/sdk/pkg/networkservice/ipam/point2pointipam"
	registryclient "github.com/networkservicemesh/sdk/pkg/registry/chains/client"
	"github.com/networkservicemesh/sdk/pkg/registry/chains/memory"
	registryauthorize "github.com/networkservicemesh/sdk/pkg/registry/common/authorize"
	registryrecvfd "github.com/networkservicemesh/sdk/pkg/registry/common/recvfd"
	registrysendfd "github.com/networkservicemesh/sdk/pkg/registry/common/sendfd"
	"github.com/networkservicemesh/sdk/pkg/tools/grpcutils"
	"github.com/networkservicemesh/sdk/pkg/tools/log"
	authmonitor "github.com/networkservicemesh/sdk/pkg/tools/monitorconnection/authorize"
	"github.com/networkservicemesh/sdk/pkg/tools/opa"
	"github.com/networkservicemesh/sdk/pkg/tools/sandbox"
	"github.com/networkservicemesh/sdk/pkg/tools/spiffejwt"
	"github.com/networkservicemesh/sdk/pkg/tools/token"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

var (
	role     = flag.String("role", "", "registry, nsmgr, forwarder, endpoint or client")
	name     = flag.String("name", "", "of this hop")
	listen   = flag.String("listen", "", "url to serve on")
	next     = flag.String("connect", "", "url of the registry (nsmgr) or of the manager")
	service  = flag.String("service", "load-balancer", "network service")
	prefix   = flag.String("prefix", "172.16.0.0/24", "of the endpoint's addresses")
	mech     = flag.String("mechanism", "KERNEL", "of the client")
	lifetime = flag.Duration("lifetime", time.Hour, "of tokens")
	spiffe   = flag.String("spiffe", "", "socket of the Workload API; without: clear text")
	spiffeID = flag.String("id", "", "SPIFFE ID to take of several")
	alive    = flag.Bool("alive", false, "the client has a liveness check, which always passes")
	hold     = flag.Bool("hold", false, "the client keeps its connection until standard input ends")
	memif    = flag.Bool("memif", false, "the endpoint names a memif socket: the one that it serves on")
	timeout  = flag.Duration("timeout", 10*time.Second, "of the client's Requests")
)

type peers struct {
	tokens  token.GeneratorFunc
	dial    []grpc.DialOption
	serve   []grpc.ServerOption
	secured bool
	owners  genericsync.Map[spiffeid.ID, *genericsync.Map[string, struct{}]]
}

func say(event string, more map[string]interface{}) {
	line := map[string]interface{}{"event": event}
	for key, value := range more {
		line[key] = value
	}
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func fail(err error) {
	say("error", map[string]interface{}{"error": err.Error()})
	os.Exit(1)
}

func mustURL(text string) *url.URL {
	parsed, err := url.Parse(text)
	if err != nil {
		fail(err)
	}
	return parsed
}

func makePeers(ctx context.Context) *peers {
	if *spiffe == "" {
		tokens := sandbox.GenerateExpiringToken(*lifetime)
		return &peers{
			tokens: tokens,
			dial:   sandbox.DialOptions(sandbox.WithTokenGenerator(tokens)),
			serve:  []grpc.ServerOption{grpc.Creds(grpcfd.TransportCredentials(insecure.NewCredentials()))},
		}
	}
	source, err := workloadapi.NewX509Source(ctx, workloadapi.WithClientOptions(workloadapi.WithAddr(*spiffe)),
		workloadapi.WithDefaultX509SVIDPicker(pick))
	if err != nil {
		fail(err)
	}
	tokens := spiffejwt.TokenGeneratorFunc(source, *lifetime)
	tlsClient := tlsconfig.MTLSClientConfig(source, source, tlsconfig.AuthorizeAny())
	tlsServer := tlsconfig.MTLSServerConfig(source, source, tlsconfig.AuthorizeAny())
	return &peers{
		tokens: tokens,
		dial: []grpc.DialOption{
			grpc.WithTransportCredentials(grpcfd.TransportCredentials(credentials.NewTLS(tlsClient))),
			grpc.WithDefaultCallOptions(grpc.PerRPCCredentials(token.NewPerRPCCredentials(tokens)), grpc.WaitForReady(true)),
			grpcfd.WithChainStreamInterceptor(),
			grpcfd.WithChainUnaryInterceptor(),
		},
		serve:   []grpc.ServerOption{grpc.Creds(grpcfd.TransportCredentials(credentials.NewTLS(tlsServer)))},
		secured: true,
	}
}

func pick(svids []*x509svid.SVID) *x509svid.SVID {
	for _, svid := range svids {
		if *spiffeID == "" || svid.ID.String() == *spiffeID {
			return svid
		}
	}
	fail(fmt.Errorf("the Workload API has no %s", *spiffeID))
	return nil
}

// What the SDK's registry and manager run in production: the policies that come with it.
func registryPolicies() registryauthorize.Option {
	return registryauthorize.WithPolicies("etc/nsm/opa/common/.*.rego", "etc/nsm/opa/registry/.*.rego", "etc/nsm/opa/server/.*.rego")
}

func (p *peers) run(ctx context.Context, register func(*grpc.Server)) {
	server := grpc.NewServer(p.serve...)
	register(server)
	failures := grpcutils.ListenAndServe(ctx, mustURL(*listen), server)
	select {
	case err := <-failures:
		fail(err)
	case <-time.After(50 * time.Millisecond):
	}
	say("ready", map[string]interface{}{"url": *listen})
}

func (p *peers) authorizeServer() networkservice.NetworkServiceServer {
	if p.secured {
		return authorize.NewServer(authorize.WithSpiffeIDConnectionMap(&p.owners))
	}
	return authorize.NewServer(authorize.Any())
}

func (p *peers) authorizeMonitor() networkservice.MonitorConnectionServer {
	policies, err := opa.PoliciesByFileMask("etc/nsm/opa/monitor/.*.rego")
	if err != nil || len(policies) == 0 {
		fail(fmt.Errorf("no policy for monitors: %w", err))
	}
	return authmonitor.NewMonitorConnectionServer(
		authmonitor.WithPolicies(policies[0]), authmonitor.WithSpiffeIDConnectionMap(&p.owners))
}

func (p *peers) authorizeClient() networkservice.NetworkServiceClient {
	if p.secured {
		return authorize.NewClient()
	}
	return authorize.NewClient(authorize.Any())
}

func (p *peers) nsClient(ctx context.Context) registryapi.NetworkServiceRegistryClient {
	return registryclient.NewNetworkServiceRegistryClient(ctx,
		registryclient.WithClientURL(mustURL(*next)), registryclient.WithDialOptions(p.dial...))
}

func (p *peers) nseClient(ctx context.Context) registryapi.NetworkServiceEndpointRegistryClient {
	return registryclient.NewNetworkServiceEndpointRegistryClient(ctx,
		registryclient.WithClientURL(mustURL(*next)), registryclient.WithDialOptions(p.dial...),
		registryclient.WithNSEAdditionalFunctionality(
			registryrecvfd.NewNetworkServiceEndpointRegistryClient(),
			registrysendfd.NewNetworkServiceEndpointRegistryClient()))
}

func (p *peers) runRegistry(ctx context.Context) {
	options := []memory.Option{memory.WithDefaultExpiration(time.Minute), memory.WithDialOptions(p.dial...)}
	if p.secured {
		options = append(options,
			memory.WithAuthorizeNSERegistryServer(registryauthorize.NewNetworkServiceEndpointRegistryServer(registryPolicies())),
			memory.WithAuthorizeNSRegistryServer(registryauthorize.NewNetworkServiceRegistryServer(registryPolicies())))
	}
	p.run(ctx, memory.NewServer(ctx, p.tokens, options...).Register)
}

func (p *peers) runManager(ctx context.Context) {
	options := []nsmgr.Option{
		nsmgr.WithName(*name), nsmgr.WithURL(*listen), nsmgr.WithDialOptions(p.dial...),
		nsmgr.WithDialTimeout(3 * time.Second), nsmgr.WithAuthorizeServer(p.authorizeServer()),
	}
	if p.secured {
		options = append(options,
			nsmgr.WithAuthorizeMonitorConnectionServer(p.authorizeMonitor()),
			nsmgr.WithAuthorizeNSERegistryServer(registryauthorize.NewNetworkServiceEndpointRegistryServer(registryPolicies())),
			nsmgr.WithAuthorizeNSRegistryServer(registryauthorize.NewNetworkServiceRegistryServer(registryPolicies())))
	}
	if *next != "" {
		options = append(options, nsmgr.WithRegistry(mustURL(*next)))
	}
	p.run(ctx, nsmgr.NewServer(ctx, p.tokens, options...).Register)
}

func (p *peers) register(ctx context.Context, services []string, labels map[string]string) {
	nse := &registryapi.NetworkServiceEndpoint{
		Name: *name, NetworkServiceNames: services, Url: *listen,
		NetworkServiceLabels: map[string]*registryapi.NetworkServiceLabels{},
	}
	for _, each := range services {
		if each != "forwarder" {
			if _, err := p.nsClient(ctx).Register(ctx, &registryapi.NetworkService{Name: each, Payload: "ETHERNET"}); err != nil {
				fail(err)
			}
		}
		nse.NetworkServiceLabels[each] = &registryapi.NetworkServiceLabels{Labels: labels}
	}
	registered, err := p.nseClient(ctx).Register(ctx, nse)
	if err != nil {
		fail(err)
	}
	say("registered", map[string]interface{}{"name": registered.Name})
}

func (p *peers) runForwarder(ctx context.Context) {
	server := endpoint.NewServer(ctx, p.tokens,
		endpoint.WithName(*name),
		endpoint.WithAuthorizeServer(p.authorizeServer()),
		endpoint.WithAdditionalFunctionality(
			recvfd.NewServer(),
			sendfd.NewServer(),
			discover.NewServer(p.nsClient(ctx), p.nseClient(ctx)),
			roundrobin.NewServer(),
			connect.NewServer(client.NewClient(ctx,
				client.WithName(*name),
				client.WithAdditionalFunctionality(recvfd.NewClient(), sendfd.NewClient()),
				client.WithDialOptions(p.dial...),
				client.WithDialTimeout(3*time.Second),
				client.WithoutRefresh())),
		))
	p.run(ctx, server.Register)
	p.register(ctx, []string{"forwarder"}, map[string]string{"p2p": "true"})
}

// memifMaster names the socket on which clients connect: the endpoint's own, which is one and there.
type memifMaster struct{ socket string }

func (m *memifMaster) Request(ctx context.Context, request *networkservice.NetworkServiceRequest) (*networkservice.Connection, error) {
	mechanism := request.GetConnection().GetMechanism()
	if mechanism.GetParameters() == nil {
		mechanism.Parameters = map[string]string{}
	}
	mechanism.Parameters["inodeURL"] = "file://" + m.socket
	return chainnext.Server(ctx).Request(ctx, request)
}

func (m *memifMaster) Close(ctx context.Context, connection *networkservice.Connection) (*emptypb.Empty, error) {
	return chainnext.Server(ctx).Close(ctx, connection)
}

func memifServer() networkservice.NetworkServiceServer {
	if *memif {
		return &memifMaster{socket: mustURL(*listen).Path}
	}
	return null.NewServer()
}

func (p *peers) runEndpoint(ctx context.Context) {
	_, network, err := net.ParseCIDR(*prefix)
	if err != nil {
		fail(err)
	}
	options := []endpoint.Option{
		endpoint.WithName(*name),
		endpoint.WithAuthorizeServer(p.authorizeServer()),
		endpoint.WithAdditionalFunctionality(
			point2pointipam.NewServer(network),
			recvfd.NewServer(),
			mechanisms.NewServer(map[string]networkservice.NetworkServiceServer{
				"KERNEL": kernel.NewServer(),
				"MEMIF":  memifServer(),
			}),
			sendfd.NewServer()),
	}
	if p.secured {
		options = append(options, endpoint.WithAuthorizeMonitorConnectionServer(p.authorizeMonitor()))
	}
	server := endpoint.NewServer(ctx, p.tokens, options...)
	p.run(ctx, server.Register)
	p.register(ctx, []string{*service}, map[string]string{"app": "go"})
}

func healing(ctx context.Context) networkservice.NetworkServiceClient {
	if !*alive {
		return heal.NewClient(ctx)
	}
	return heal.NewClient(ctx, heal.WithLivenessCheck(
		func(context.Context, *networkservice.Connection) bool { return true }))
}

func (p *peers) runClient(ctx context.Context) {
	nsc := client.NewClient(ctx,
		client.WithName(*name),
		client.WithClientURL(mustURL(*next)),
		client.WithDialOptions(p.dial...),
		client.WithDialTimeout(3*time.Second),
		client.WithAuthorizeClient(p.authorizeClient()),
		client.WithHealClient(healing(ctx)),
		client.WithAdditionalFunctionality(
			kernel.NewClient(kernel.WithInterfaceName("nsm-go")), sendfd.NewClient(), recvfd.NewClient()))
	request := &networkservice.NetworkServiceRequest{
		Connection:           &networkservice.Connection{NetworkService: *service, Labels: map[string]string{"app": "go"}},
		MechanismPreferences: []*networkservice.Mechanism{{Cls: "LOCAL", Type: *mech}},
	}
	bounded, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	connection, err := nsc.Request(bounded, request)
	if err != nil {
		fail(err)
	}
	say("connected", map[string]interface{}{
		"src": connection.GetContext().GetIpContext().GetSrcIpAddrs(), "dst": connection.GetContext().GetIpContext().GetDstIpAddrs(),
		"routes": len(connection.GetContext().GetIpContext().GetSrcRoutes()), "path": segmentNames(connection),
		"mechanism": connection.GetMechanism().GetType(), "parameters": connection.GetMechanism().GetParameters(),
	})
	if *hold {
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	closing, cancelClose := context.WithTimeout(ctx, 10*time.Second)
	defer cancelClose()
	if _, err := nsc.Close(closing, connection); err != nil {
		fail(err)
	}
	say("closed", nil)
	os.Exit(0)
}

func segmentNames(connection *networkservice.Connection) []string {
	var names []string
	for _, segment := range connection.GetPath().GetPathSegments() {
		names = append(names, segment.GetName())
	}
	return names
}

func main() {
	flag.Parse()
	log.EnableTracing(os.Getenv("NSM_TRACE") != "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := makePeers(ctx)
	switch *role {
	case "registry":
		p.runRegistry(ctx)
	case "nsmgr":
		p.runManager(ctx)
	case "forwarder":
		p.runForwarder(ctx)
	case "endpoint":
		p.runEndpoint(ctx)
	case "client":
		p.runClient(ctx)
	default:
		fail(fmt.Errorf("no role %q", *role))
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
