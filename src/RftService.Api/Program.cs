using RftService.Api.Hosting;

var builder = WebApplication.CreateBuilder(args);
builder.AddRftApi();

var app = builder.Build();
app.UseRftApi();
app.MapRftApi();
app.Run();

/// <summary>The Api host.</summary>
public sealed partial class Program;
