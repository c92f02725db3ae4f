using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace RftService.Migrations.Schema
{
    /// <inheritdoc />
    public partial class RunOrigins : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "origins",
                table: "runs",
                type: "jsonb",
                nullable: false,
                defaultValueSql: "'{}'");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "origins",
                table: "runs");
        }
    }
}
