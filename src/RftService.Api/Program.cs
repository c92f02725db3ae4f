var builder = WebApplication.CreateBuilder(args);
var app = builder.Build();
app.Run();

/// <summary>The Api host.</summary>
public sealed partial class Program;
