namespace RftService.Api.Datasets;

/// <summary>Marks an endpoint whose body is a JSONL file, for the OpenAPI document.</summary>
internal sealed record JsonlBody;
