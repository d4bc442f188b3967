// franz-go's registry client, as it is, against a registry: go run . BASE_URL
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/sr"
)

const avro = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}`
const wider = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"note","type":"string","default":""}]}`
const broken = `{"type":"record","name":"Order","fields":[{"name":"total","type":"long"}]}`
const proto = "syntax = \"proto3\";\nmessage Order {\n  string id = 1;\n}\n"

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func check(holds bool, what string) {
	if !holds {
		fmt.Fprintln(os.Stderr, "not so:", what)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	client := must(sr.NewClient(sr.URLs(os.Args[1])))
	for _, subject := range []string{"go-value", "go/odd subject+value", ":.go:ctx-value"} {
		first := must(client.CreateSchema(ctx, subject, sr.Schema{Schema: avro}))
		check(first.Version == 1, "the first version is 1")
		found := must(client.LookupSchema(ctx, subject, sr.Schema{Schema: avro}))
		check(found.ID == first.ID, "the look-up finds the id")
		second := must(client.CreateSchema(ctx, subject, sr.Schema{Schema: wider}))
		check(second.Version == 2, "the second version is 2")
		result := must(client.CheckCompatibility(ctx, subject, -1, sr.Schema{Schema: broken}))
		check(!result.Is, "the broken schema is incompatible")
		_, err := client.CreateSchema(ctx, subject, sr.Schema{Schema: broken})
		check(err != nil, "registering it is refused")
		check(len(must(client.SubjectVersions(ctx, subject))) == 2, "there are two versions")
		text := must(client.SchemaTextByVersion(ctx, subject, -1))
		check(text != "", "the latest text is served")
		must(client.DeleteSubject(ctx, subject, sr.SoftDelete))
		must(client.DeleteSubject(ctx, subject, sr.HardDelete))
	}
	other := must(client.CreateSchema(ctx, "go-proto-value", sr.Schema{Schema: proto, Type: sr.TypeProtobuf}))
	stored := must(client.SchemaByID(ctx, other.ID))
	check(stored.Type == sr.TypeProtobuf, "the type is kept")
	check(len(must(client.SupportedTypes(ctx))) == 3, "three types are supported")
	levels := client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, "go-proto-value")
	check(levels[0].Err == nil, "the level is set")
	check(client.Compatibility(ctx, "go-proto-value")[0].Level == sr.CompatFull, "the level is kept")
	fmt.Println("done")
}
